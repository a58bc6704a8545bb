-- A new session, unless there is one. A hash without `r` is no session, only the note that a
-- log-in was given up.
local key, life, token = KEYS[1], ARGV[1], ARGV[2]
local found = redis.call('HMGET', key, 'r', 'z')
if found[1] then
  return 'exists'
end
if token ~= '' and found[2] and string.find(found[2], token, 1, true) then
  return 'void'
end
for first = 3, #ARGV, 1000 do
  redis.call('HSET', key, unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
if life == '' then
  redis.call('PERSIST', key)
else
  redis.call('PEXPIRE', key, life)
end
return 'ok'
