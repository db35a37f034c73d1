package io.headpond.spi;

import io.headpond.RowType;

/** Connects the system of record of a dataset. */
@FunctionalInterface
public interface SystemOfRecordFactory {
  /**
   * Connects and checks the mapping against the database's catalogue.
   *
   * @param dataset the dataset's name
   * @param declared its columns as they were declared
   * @throws io.headpond.ConfigurationException if table and columns do not fit; it names all that does not
   * @throws io.headpond.UnavailableException if the database cannot be reached
   */
  SystemOfRecord connect(String dataset, RowType declared);
}
