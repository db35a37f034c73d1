-- Dead letters in the order of their keys.
-- ARGV  from where, as ZRANGEBYLEX has it; how many
-- Answer: of each its key; attempts; first and last refusal; class; code; message
local refused = enter()
if refused then
  return refused
end
local out = answer()
for _, k in ipairs(call('ZRANGEBYLEX', PARKED, ARGV[8], '+', 'LIMIT', 0, ARGV[9])) do
  out[#out + 1] = k
  told(out, k)
end
return done(out)
