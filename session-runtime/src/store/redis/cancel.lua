-- Cancels pending log-ins of a session: afterwards they never take place. Returns the packed
-- session, like a plain read.
local key = KEYS[1]
local found = redis.call('HMGET', key, 'r', 'z')
local packed, recorded = found[1], found[2] or ''
local _, borne = owner(packed or '')
local cancelled, news = {}, false
for token in string.gmatch(recorded, '%S+') do
  cancelled[#cancelled + 1] = token
end
for _, token in ipairs(ARGV) do
  if token ~= borne and not string.find(recorded, token, 1, true) then
    cancelled[#cancelled + 1] = token
    news = true
  end
end
if news then
  redis.call('HSET', key, 'z', table.concat(cancelled, ' ', math.max(1, #cancelled - 15)))
  if not packed then
    -- The note outlives any command that is still on its way by far.
    redis.call('PEXPIRE', key, 60000)
  end
end
return packed
