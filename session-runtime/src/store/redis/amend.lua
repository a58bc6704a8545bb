-- Changes a principal's index and enters a log-in, if the index is still as the caller saw it.
local index, selector, token, life = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local position = 3
local function take()
  position = position + 1
  return ARGV[position]
end
local there = redis.call('HGET', index, selector)
if there and string.find(there, token, 1, true) then
  return 'ok'
end
local seen = tonumber(take())
local moved = redis.call('HLEN', index) ~= seen
for _ = 1, seen do
  local field, value = take(), take()
  moved = moved or redis.call('HGET', index, field) ~= value
end
if moved then
  return {'moved', redis.call('HGETALL', index)}
end
for _ = 1, tonumber(take()) do
  redis.call('HDEL', index, take())
end
for _ = 1, tonumber(take()) do
  local field, value = take(), take()
  redis.call('HSET', index, field, value)
end
there = redis.call('HGET', index, selector)
local is_new = redis.call('EXISTS', index) == 0
redis.call('HSET', index, selector, there and (there .. ' ' .. token) or token)
extend(index, life, is_new)
return 'ok'
