package io.headpond.server.http;

import io.headpond.Condition;
import io.headpond.server.http.EntityTags.Tag;
import jakarta.servlet.http.HttpServletRequest;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The conditions of a write, from its headers. Stateless. */
final class Preconditions {
  private static final Pattern VERSION = Pattern.compile("0|[1-9][0-9]{0,17}");

  private Preconditions() {}

  /**
   * What must hold for the write to be carried out; null for nothing.
   *
   * @throws Problem if a header is malformed, or no version stands where one must
   */
  static @Nullable Condition of(HttpServletRequest request) {
    EntityTags match = EntityTags.of(request, "If-Match");
    EntityTags noneMatch = EntityTags.of(request, "If-None-Match");
    if (noneMatch == null) {
      return match == null ? null : condition(match);
    }
    if (match != null) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          "If-None-Match",
          "beside If-Match",
          "only one of them can be kept; leave one out");
    }
    if (!noneMatch.any()) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          "If-None-Match",
          noneMatch.tags().get(0).toString(),
          "must be * in a write: there must be no such entry. To replace a version that you know, send it in If-Match");
    }
    return Condition.absent();
  }

  private static Condition condition(EntityTags match) {
    return match.any()
        ? Condition.present()
        : Condition.version(match.tags().stream().mapToLong(Preconditions::version).toArray());
  }

  /**
   * The one version that stands there.
   *
   * @throws Problem if it is not exactly one
   */
  static long oneVersion(EntityTags match) {
    if (match.any() || match.tags().size() != 1) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          "If-Match",
          match.any() ? "*" : match.tags().size() + " of them",
          "must be one version in quotes here: the ETag of the letter");
    }
    long version = version(match.tags().get(0));
    if (version == 0) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST, "If-Match", "0", "must be at least 1; no letter has this one");
    }
    return version;
  }

  private static long version(Tag tag) {
    if (tag.weak()) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          "If-Match",
          tag.toString(),
          "must be strong, without W/: a weak tag never matches (RFC 9110, section 13.1.1)");
    }
    if (!VERSION.matcher(tag.opaque()).matches()) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          "If-Match",
          tag.toString(),
          "must be a version in quotes, such as \"1795163993828000\": the ETag of an answer");
    }
    return Long.parseLong(tag.opaque());
  }

  /**
   * A version as text.
   *
   * @param field where it stands, for the problem
   */
  static long version(String field, String text) {
    if (!VERSION.matcher(text).matches()) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          field,
          text,
          "must be a version: a whole number such as 1795163993828000");
    }
    return Long.parseLong(text);
  }
}
