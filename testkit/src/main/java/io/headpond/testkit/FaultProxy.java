package io.headpond.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * A TCP proxy on loopback, between a client and a server on the same machine, whose network can be broken.
 *
 * <p>{@link #delay}, {@link #throttle}, {@link #blackHole} and {@link #refuse} last until {@link #heal}, for the connections that there are and for new ones; each
 * takes the place of the one before. {@link #reset}, {@link #finish} and {@link #halfClose} break the connections that there are, and leave new ones alone. {@link #cutAt} waits
 * for a word.
 *
 * <p>Thread-safe. After {@link #close} no thread and no connection is left.
 */
public final class FaultProxy implements AutoCloseable {
  private static final int BUFFER = 1 << 16;

  /** Which way bytes go. */
  public enum Way {
    /** From the client to the server. */
    REQUESTS,
    /** From the server to the client. */
    ANSWERS
  }

  /** Where and how {@link #cutAt} cuts. */
  public enum Cut {
    /** The request with the word does not arrive; both ends learn of the cut. */
    REQUEST,
    /** The request with the word is held back, and only the client learns of the cut: the server has a ghost for a client. */
    REQUEST_LEAVING_A_GHOST,
    /** The answer with the word does not arrive; both ends learn of the cut. */
    ANSWER
  }

  /** What is wrong with the network; 0 for nothing. */
  private record Fault(long delayNanos, long bytesPerSecond, boolean hole, boolean refuse) {}

  private record Trap(Cut cut, String word) {}

  private record Ghost(Socket server, byte[] held) {}

  private static final Fault NONE = new Fault(0, 0, false, false);

  private final ServerSocket listener;
  private final Thread acceptor;
  private final int target;
  private final Set<Link> links = ConcurrentHashMap.newKeySet();
  private final List<Thread> threads = new CopyOnWriteArrayList<>();
  private volatile Fault fault = NONE;
  private volatile boolean closed;
  private volatile @Nullable Trap trap;
  private volatile @Nullable Ghost ghost;

  /**
   * Begins to listen.
   *
   * @param target the server's port
   */
  public FaultProxy(int target) throws IOException {
    this.target = target;
    this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    this.acceptor = start("accept", this::accept);
  }

  /** The port for the client. */
  public int port() {
    return listener.getLocalPort();
  }

  /** How many connections there are. */
  public int connections() {
    return links.size();
  }

  /** What arrives is passed on so much later, piece by piece. */
  public void delay(Duration each) {
    become(new Fault(each.toNanos(), 0, false, false));
  }

  /** In each direction of a connection so many bytes pass. */
  public void throttle(long bytesPerSecond) {
    become(new Fault(0, bytesPerSecond, false, false));
  }

  /**
   * Connections stay, are even made, and nothing passes, not even their end. What was swallowed is gone: those that have lost something are reset by {@link
   * #heal}.
   */
  public void blackHole() {
    become(new Fault(0, 0, true, false));
  }

  /** As if the server were not there: connections are reset, new ones as soon as they are made. */
  public void refuse() {
    become(new Fault(0, 0, false, true));
    reset();
  }

  /** From here on all is well. */
  public void heal() {
    List<Link> broken;
    synchronized (this) {
      become(NONE);
      broken = links.stream().filter(link -> link.broken).toList();
    }
    broken.forEach(Link::reset);
  }

  /** Whether there is a hole now, into which something of this connection goes: {@link #heal} knows of it, or comes before. */
  private synchronized boolean swallows(Link link) {
    if (fault.hole()) {
      link.broken = true;
    }
    return fault.hole();
  }

  /** Ends the present connections hard (RST), for both ends. */
  public void reset() {
    links.forEach(Link::reset);
  }

  /** Ends the present connections in an orderly way (FIN), for both ends. */
  public void finish() {
    links.forEach(Link::close);
  }

  /** Ends one way of the present connections: whoever reads there sees the end, and can still send. */
  public void halfClose(Way way) {
    for (Link link : links) {
      shutOutput(way == Way.REQUESTS ? link.server : link.client);
    }
  }

  /** Cuts the next connection on which the word goes by in one piece, once. */
  public void cutAt(Cut cut, String word) {
    trap = new Trap(cut, word);
  }

  /** Sends what was held back to the server that still waits for it. */
  public void deliverToGhost() throws IOException {
    Ghost held = ghost;
    if (held == null) {
      throw new IllegalStateException("nothing is held back");
    }
    held.server().getOutputStream().write(held.held());
    held.server().getOutputStream().flush();
  }

  @Override
  public void close() throws IOException {
    closed = true;
    listener.close();
    become(NONE);
    boolean interrupted = join(List.of(acceptor));
    // From here on there are no new ones.
    links.forEach(Link::close);
    interrupted |= join(threads);
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Returns whether this thread was interrupted meanwhile. */
  private static boolean join(List<Thread> threads) {
    boolean interrupted = false;
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    return interrupted;
  }

  private synchronized void become(Fault next) {
    fault = next;
    notifyAll();
  }

  /** Returns when the time has passed, or when this is no longer the fault. */
  private synchronized void pause(Fault during, long nanos) {
    long end = System.nanoTime() + nanos;
    for (long left = nanos;
        left > 0 && fault == during && !closed;
        left = end - System.nanoTime()) {
      try {
        wait(left / 1_000_000, (int) (left % 1_000_000));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private void accept() {
    while (!closed) {
      try {
        Socket client = listener.accept();
        if (fault.refuse()) {
          resetQuietly(client);
        } else {
          connect(client);
        }
      } catch (IOException e) {
        // Closed.
      }
    }
  }

  private void connect(Socket client) {
    try {
      Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
      client.setTcpNoDelay(true);
      server.setTcpNoDelay(true);
      Link link = new Link(client, server);
      links.add(link);
      if (closed || fault.refuse()) {
        link.reset();
      }
      start("requests", () -> pump(link, Way.REQUESTS));
      start("answers", () -> pump(link, Way.ANSWERS));
    } catch (IOException e) {
      resetQuietly(client);
    }
  }

  private void pump(Link link, Way way) {
    Socket from = way == Way.REQUESTS ? link.client : link.server;
    Socket to = way == Way.REQUESTS ? link.server : link.client;
    byte[] buffer = new byte[BUFFER];
    boolean orderly = false;
    try {
      InputStream in = from.getInputStream();
      int read = in.read(buffer);
      while (read >= 0 && !caught(link, way, buffer, read)) {
        forward(link, to, buffer, read);
        read = in.read(buffer);
      }
      orderly = read < 0;
    } catch (IOException e) {
      // One of the two is gone.
    }
    link.ended(to, orderly);
  }

  private void forward(Link link, Socket to, byte[] buffer, int length) throws IOException {
    OutputStream out = to.getOutputStream();
    int at = 0;
    boolean delayed = false;
    while (at < length) {
      if (swallows(link)) {
        return;
      }
      Fault now = fault;
      if (now.delayNanos() > 0 && !delayed) {
        delayed = true;
        pause(now, now.delayNanos());
        continue;
      }
      long rate = now.bytesPerSecond();
      int piece = rate == 0 ? length - at : (int) Math.min(length - at, Math.max(1, rate / 50));
      out.write(buffer, at, piece);
      out.flush();
      at += piece;
      if (rate > 0) {
        pause(now, piece * 1_000_000_000L / rate);
      }
    }
  }

  /** Whether the trap has closed on this piece. */
  private boolean caught(Link link, Way way, byte[] buffer, int length) {
    Trap set = trap;
    if (set == null
        || (way == Way.ANSWERS) != (set.cut() == Cut.ANSWER)
        || !new String(buffer, 0, length, StandardCharsets.ISO_8859_1).contains(set.word())) {
      return false;
    }
    trap = null;
    if (set.cut() == Cut.REQUEST_LEAVING_A_GHOST) {
      link.broken = true;
      ghost = new Ghost(link.server, Arrays.copyOf(buffer, length));
      closeQuietly(link.client);
    }
    return true;
  }

  private Thread start(String name, Runnable task) {
    Thread thread = new Thread(task, "proxy-" + name);
    thread.setDaemon(true);
    threads.add(thread);
    thread.start();
    return thread;
  }

  /** A connection on both sides. */
  private final class Link {
    final Socket client;
    final Socket server;

    /** The two ends no longer know the same: an end of one is none for the other. */
    volatile boolean broken;

    private int ended;

    Link(Socket client, Socket server) {
      this.client = client;
      this.server = server;
    }

    /** Nothing more comes in one direction. */
    synchronized void ended(Socket to, boolean orderly) {
      swallows(this);
      if (broken && !closed) {
        return;
      }
      ended++;
      if (!orderly || ended == 2) {
        close();
      } else {
        shutOutput(to);
      }
    }

    void close() {
      links.remove(this);
      closeQuietly(client);
      closeQuietly(server);
    }

    void reset() {
      links.remove(this);
      resetQuietly(client);
      resetQuietly(server);
    }
  }

  private static void shutOutput(Socket socket) {
    try {
      socket.shutdownOutput();
    } catch (IOException e) {
      // It is gone.
    }
  }

  private static void resetQuietly(Socket socket) {
    try {
      socket.setSoLinger(true, 0);
    } catch (IOException e) {
      // It is gone.
    }
    closeQuietly(socket);
  }

  private static void closeQuietly(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is gone.
    }
  }
}
