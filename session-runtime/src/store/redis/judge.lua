-- Gives up log-ins of a session that have not taken place: afterwards they never will. It answers
-- what `inspect` asks of a session.
local key = KEYS[1]
local found = redis.call('HMGET', key, 'c', 'x', 'z')
local void, news = {}, false
for token in string.gmatch(found[3] or '', '%S+') do
  void[#void + 1] = token
end
for _, token in ipairs(ARGV) do
  if token ~= found[2] and not (found[3] and string.find(found[3], token, 1, true)) then
    void[#void + 1] = token
    news = true
  end
end
if news then
  redis.call('HSET', key, 'z', table.concat(void, ' ', math.max(1, #void - 15)))
  if not found[1] then
    -- Long after any command that is still on its way.
    redis.call('PEXPIRE', key, 60000)
  end
end
return redis.call('HMGET', key, 'u', 'n', 't', 'l', 'd', 'a', 'x')
