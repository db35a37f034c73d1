package io.headpond.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.redis.servers.TestServer;
import java.util.List;

/** Counts what is in a partition anew, and compares it with what the scripts have counted and queued. */
final class Audit {
  private static final String SCRIPT =
      """
      local P = ARGV[1]
      local problems = {}
      local function problem(...) problems[#problems + 1] = table.concat({...}, ' ') end
      local function number(field) return tonumber(redis.call('HGET', P, field) or 0) end
      local bytes, deferred_bytes, parked_bytes, tenants = 0, 0, 0, {}
      local counts = {R = 0, D = 0, L = 0}
      local function message(k)
        local json = redis.call('HGET', P .. ':refused', k)
        return json and cjson.decode(json).message or ''
      end
      local function tenant(k, size, deferred)
        local t = string.match(k, '^[^,]+')
        tenants[t] = tenants[t] or {0, 0, 0, 0}
        tenants[t][1] = tenants[t][1] + 1
        tenants[t][2] = tenants[t][2] + size
        if deferred then
          tenants[t][3] = tenants[t][3] + 1
          tenants[t][4] = tenants[t][4] + size
        end
      end
      local function owed(k, value)
        local state = string.sub(value, 1, 1)
        local size = #k + #value - 53 + 64 + (state == 'R' and 0 or #message(k))
        counts[state] = counts[state] + 1
        if (state == 'R') ~= (redis.call('ZSCORE', P .. ':ready', k) ~= false) then problem(k, state, 'ready') end
        if (state == 'D') ~= (redis.call('ZSCORE', P .. ':deferred', k) ~= false) then problem(k, state, 'deferred') end
        if (state == 'D') ~= (redis.call('ZSCORE', P .. ':deferred:since', k) ~= false) then problem(k, state, 'since') end
        if (state == 'L') ~= (redis.call('ZSCORE', P .. ':parked', k) ~= false) then problem(k, state, 'parked') end
        if (state ~= 'R') ~= (redis.call('HEXISTS', P .. ':refused', k) == 1) then problem(k, state, 'refused') end
        if state == 'L' then
          parked_bytes = parked_bytes + size
        else
          bytes = bytes + size
          if state == 'D' then deferred_bytes = deferred_bytes + size end
          tenant(k, size, state == 'D')
        end
      end
      for _, key in ipairs(redis.call('KEYS', P .. ':entry:*')) do
        local value = redis.call('GET', key)
        local k = string.sub(key, #P + 8)
        local state = string.sub(value, 1, 1)
        local ttl = redis.call('PTTL', key)
        if state == 'R' or state == 'D' or state == 'L' then
          if ttl ~= -1 then problem(k, state, 'expires') end
          if redis.call('HEXISTS', P .. ':conflicts', k) == 1 then problem(k, state, 'is a conflict as well') end
          owed(k, value)
        elseif ttl < 0 then
          problem(k, state, 'never expires')
        end
      end
      local all = redis.call('HGETALL', P .. ':conflicts')
      for i = 1, #all, 2 do owed(all[i], all[i + 1]) end
      local rows = redis.call('HGETALL', P .. ':staged:rows')
      for i = 1, #rows, 2 do
        local size = #rows[i] + #rows[i + 1] - 53 + 64
        bytes = bytes + size
        tenant(rows[i], size, false)
        if not redis.call('ZSCORE', P .. ':staged', rows[i]) then problem(rows[i], 'is not staged') end
      end
      local function same(what, counted, kept)
        if counted ~= kept then problem(what, counted, 'and not', kept) end
      end
      same('ready', counts.R, redis.call('ZCARD', P .. ':ready'))
      same('deferred', counts.D, redis.call('ZCARD', P .. ':deferred'))
      same('since', counts.D, redis.call('ZCARD', P .. ':deferred:since'))
      same('parked', counts.L, redis.call('ZCARD', P .. ':parked'))
      same('refused', counts.D + counts.L, redis.call('HLEN', P .. ':refused'))
      same('staged', #rows / 2, redis.call('ZCARD', P .. ':staged'))
      same('bytes', bytes, number('bytes'))
      same('deferred_bytes', deferred_bytes, number('deferred_bytes'))
      same('parked_bytes', parked_bytes, number('parked_bytes'))
      if ARGV[2] == '1' then
        local n = 0
        for t, c in pairs(tenants) do
          n = n + 1
          same('tenant ' .. t, table.concat(c, ' '), redis.call('HGET', P .. ':tenants', t))
        end
        same('tenants', n, redis.call('HLEN', P .. ':tenants'))
      end
      return problems
      """;

  private Audit() {}

  /** @param tenants whether the first component of a key is the tenant */
  static void check(TestServer server, String partition, boolean tenants) {
    assertThat((List<?>) server.call("EVAL", SCRIPT, "0", partition, tenants ? "1" : "0"))
        .as("what is wrong in " + partition)
        .isEmpty();
  }
}
