package io.headpond.server;

import io.headpond.ConfigurationException;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;

/** Whether an address can be listened on, asked before anything expensive is started. */
final class ListenPort {
  private ListenPort() {}

  /** The address of a host name. */
  static InetAddress resolve(String host) {
    try {
      return InetAddress.getByName(host);
    } catch (UnknownHostException e) {
      throw new ConfigurationException("host " + host + ": no such address; use 127.0.0.1", e);
    }
  }

  /**
   * Binds and lets go again.
   *
   * @throws ConfigurationException if it cannot be bound
   */
  static void requireFree(InetAddress host, int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(host, port));
    } catch (BindException e) {
      throw taken(host, port, e);
    } catch (IOException e) {
      throw new ConfigurationException(
          "port " + port + " on " + host.getHostAddress() + ": " + e.getMessage(), e);
    }
  }

  /** The error for a port that cannot be had. */
  static ConfigurationException taken(InetAddress host, int port, Throwable cause) {
    String reason = String.valueOf(cause.getMessage()).toLowerCase(java.util.Locale.ROOT);
    return new ConfigurationException(
        reason.contains("permission")
            ? "port "
                + port
                + ": an ordinary user may not listen on it; choose one above 1023 with --port"
            : "port "
                + port
                + " on "
                + host.getHostAddress()
                + " is taken by another program; stop that one, or choose another with --port",
        cause);
  }
}
