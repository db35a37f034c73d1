package io.headpond.server.config;

import java.nio.file.Path;

/**
 * The files that a server proves with who it is. Immutable.
 *
 * @param certificate PEM: the server's certificate, and behind it those that lead to its root
 * @param key PEM: its private key, without a password
 */
public record TlsConfig(Path certificate, Path key) {}
