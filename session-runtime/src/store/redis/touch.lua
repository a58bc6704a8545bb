-- Moves the time of a record's last use on, and the end of its key with it: to so many milliseconds
-- from now, '' means without end. Returns whether there is a record.
local key = KEYS[1]
local last_seen, life = ARGV[1], ARGV[2]
local seen = redis.call('GETRANGE', key, 16, 31)
if seen == '' then
  return 0
end
if seen >= last_seen then
  return 1
end
redis.call('SETRANGE', key, 16, last_seen)
local left = redis.call('PTTL', key)
if life == '' then
  redis.call('PERSIST', key)
elseif left >= 0 and tonumber(life) - left > 30000 then
  redis.call('PEXPIRE', key, life)
end
return 1
