package io.headpond.jdbc;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Stands between driver and server, and cuts one connection when a word goes by. */
final class CuttingProxy implements Closeable {
  /** Where and how to cut. */
  enum Cut {
    /** The request with the word does not arrive; both ends learn of the cut. */
    REQUEST,
    /** The request with the word is held back; the server does not learn of the cut: a ghost. */
    REQUEST_LEAVING_A_GHOST,
    /** The answer with the word does not arrive. */
    ANSWER
  }

  private record Trap(Cut cut, String word) {}

  private record Ghost(Socket server, byte[] held) {}

  private final ServerSocket listener;
  private final int target;
  private final List<Socket> sockets = new CopyOnWriteArrayList<>();
  private volatile Trap trap;
  private volatile Ghost ghost;

  CuttingProxy(int target) throws IOException {
    this.target = target;
    this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    start("accept", this::accept);
  }

  int port() {
    return listener.getLocalPort();
  }

  /** Cuts the next connection on which the word goes by, once. */
  void cut(Cut cut, String word) {
    trap = new Trap(cut, word);
  }

  /** Sends what was held back to the server that still waits for it. */
  void deliverToGhost() throws IOException {
    Ghost held = ghost;
    held.server().getOutputStream().write(held.held());
    held.server().getOutputStream().flush();
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listener.accept();
        Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
        client.setTcpNoDelay(true);
        server.setTcpNoDelay(true);
        sockets.addAll(List.of(client, server));
        start("requests", () -> pump(client, server, true));
        start("answers", () -> pump(server, client, false));
      }
    } catch (IOException e) {
      // Closed.
    }
  }

  private void pump(Socket from, Socket to, boolean requests) {
    byte[] buffer = new byte[1 << 16];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        Trap set = trap;
        boolean caught =
            set != null
                && requests == (set.cut() != Cut.ANSWER)
                && new String(buffer, 0, read, StandardCharsets.ISO_8859_1).contains(set.word());
        if (!caught) {
          out.write(buffer, 0, read);
          out.flush();
          continue;
        }
        trap = null;
        if (set.cut() == Cut.REQUEST_LEAVING_A_GHOST) {
          ghost = new Ghost(to, Arrays.copyOf(buffer, read));
          from.close();
          return;
        }
        break;
      }
    } catch (IOException e) {
      // The other end is gone.
    }
    if (ghost == null || (ghost.server() != from && ghost.server() != to)) {
      closeQuietly(from);
      closeQuietly(to);
    }
  }

  private static void closeQuietly(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is gone.
    }
  }

  private static void start(String name, Runnable task) {
    Thread thread = new Thread(task, "proxy-" + name);
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    sockets.forEach(CuttingProxy::closeQuietly);
  }
}
