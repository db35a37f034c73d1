package io.headpond;

/** What became of an entry that was to be {@linkplain WriteBehindCache#purgeAsync purged}. */
public enum Purged {
  /** It is given up. */
  DONE,
  /** It stays: a batch may be bringing it to the database just now. */
  UNDER_WAY,
  /** There was nothing of this version: the database has it, or a later write has taken its place, or it was given up before. */
  GONE
}
