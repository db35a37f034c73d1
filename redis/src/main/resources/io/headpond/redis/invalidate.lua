-- Drops what is clean of an entry, and its token.
-- KEYS  the entry
-- Answer: 0 nothing is known of it; 1 it is pending; 2 it is a letter
local refused = enter() or begin()
if refused then
  return refused
end
local key = KEYS[OWN_KEYS + 1]
local out = answer()
local e, wrong = owed(key, string.sub(key, ENTRY))
if wrong then
  return redis.error_reply(wrong)
end
if not e or e.conflict then
  call('DEL', key)
end
out[#out + 1] = e and (e.pending and 1 or 2) or 0
return done(out)
