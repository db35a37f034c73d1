package io.headpond.server.seeds;

import io.headpond.server.http.Dataset;
import io.headpond.server.http.RouteSet;
import java.util.ArrayList;
import java.util.List;

/** Which of the seeds' routes a server has. Stateless. */
public final class Seeds {
  private Seeds() {}

  /**
   * The short health, and the routes of those datasets that have the columns which the routes speak of: {@value WriteBuffer#DATASET}
   * and {@value Products#DATASET}.
   *
   * @param datasets all of the server, opened just now: their counters begin here
   */
  public static List<RouteSet> over(List<Dataset> datasets) {
    List<RouteSet> routes = new ArrayList<>();
    routes.add(new ShortHealth(datasets));
    for (Dataset dataset : datasets) {
      if (WriteBuffer.fits(dataset)) {
        routes.add(new WriteBuffer(dataset));
      } else if (Products.fits(dataset)) {
        routes.add(new Products(dataset));
      }
    }
    return routes;
  }
}
