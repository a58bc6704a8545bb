-- Gives up log-ins of a session that have not taken place: afterwards they never will. It answers
-- the packed session, as who asks without giving up any reads it.
local key = KEYS[1]
local found = redis.call('HMGET', key, 'r', 'z')
local packed, voided = found[1], found[2] or ''
local _, borne = owner(packed or '')
local void, news = {}, false
for token in string.gmatch(voided, '%S+') do
  void[#void + 1] = token
end
for _, token in ipairs(ARGV) do
  if token ~= borne and not string.find(voided, token, 1, true) then
    void[#void + 1] = token
    news = true
  end
end
if news then
  redis.call('HSET', key, 'z', table.concat(void, ' ', math.max(1, #void - 15)))
  if not packed then
    -- Long after any command that is still on its way.
    redis.call('PEXPIRE', key, 60000)
  end
end
return packed
