-- Takes log-ins out of a principal's index, and eviction marks that one log-in has set.
local index, mark, count = KEYS[1], ARGV[1], tonumber(ARGV[2])
for at = 3, count * 2 + 2, 2 do
  local selector, token = ARGV[at], ARGV[at + 1]
  local there = redis.call('HGET', index, selector)
  if there then
    local rest = {}
    for other in string.gmatch(there, '%S+') do
      if other ~= token then
        rest[#rest + 1] = other
      end
    end
    if #rest == 0 then
      redis.call('HDEL', index, selector)
    else
      redis.call('HSET', index, selector, table.concat(rest, ' '))
    end
  end
end
for at = count * 2 + 3, #ARGV do
  if redis.call('HGET', index, ARGV[at]) == mark then
    redis.call('HDEL', index, ARGV[at])
  end
end
return 'ok'
