-- Writes a whole session: a new one, unless there is one; or one in place of the loaded one, if the
-- stored session is still the loaded one. A hash without `r` is no session, only the note that a
-- log-in was cancelled.
local function put(key, first)
  local loaded, life, token, packed, removed = unpack(ARGV, first, first + 4)
  if loaded ~= '' then
    if redis.call('HGET', key, 'r') ~= loaded then
      return 'moved'
    end
    redis.call('HSET', key, 'r', packed)
  else
    local cancelled = token ~= '' and redis.call('HGET', key, 'z')
    if cancelled and string.find(cancelled, token, 1, true) then
      return redis.call('HGET', key, 'r') and 'exists' or 'cancelled'
    end
    if redis.call('HSETNX', key, 'r', packed) == 0 then
      return 'exists'
    end
  end
  -- The values that lie apart: first the names of those that no longer do.
  for at = first + 5, first + 4 + removed do
    redis.call('HDEL', key, ARGV[at])
  end
  for at = first + 5 + removed, #ARGV, 1000 do
    redis.call('HSET', key, unpack(ARGV, at, math.min(at + 999, #ARGV)))
  end
  if life == '' then
    redis.call('PERSIST', key)
  elseif life ~= '=' then
    redis.call('PEXPIRE', key, life)
  end
  return 'ok'
end
