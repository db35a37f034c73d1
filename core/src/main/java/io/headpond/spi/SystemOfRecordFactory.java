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

  /**
   * Begins without the database, with a table as it was the last time. Until the database answers every request fails with {@link
   * io.headpond.UnavailableException}; then the mapping is checked before anything else, and while it does not fit, or the columns are other ones than they
   * were, every request fails with {@link io.headpond.ConfigurationException}.
   *
   * @param mapping what {@link SystemOfRecord#mapping} gave
   * @throws io.headpond.ConfigurationException if it was made for another declaration than this
   * @throws io.headpond.UnavailableException if this adapter cannot begin without the database
   */
  default SystemOfRecord resume(String dataset, RowType declared, byte[] mapping) {
    throw new io.headpond.UnavailableException("the database must be there at the start");
  }
}
