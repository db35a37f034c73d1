package io.headpond.testkit.simulation;

/** What becomes of a write that was sent, as the client tells the checker. One of these is called, once. */
interface Answer {
  void acknowledged(Clients.Done done);

  void unknown();

  void failed();
}
