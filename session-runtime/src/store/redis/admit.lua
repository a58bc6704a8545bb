-- Enters a log-in into a principal's index, if there certainly is room for it. An entry is a
-- session and the log-ins that assigned it to the principal. Returns the number of entries, or
-- nothing if there is no room.
local function enter(index)
  local selector, token, most_others, life = unpack(ARGV, 1, 4)
  local is_new = redis.call('HSETNX', index, selector, token) == 1
  local there = not is_new and redis.call('HGET', index, selector)
  local entered = there and string.find(there, token, 1, true)
  local size = redis.call('HLEN', index)
  if not entered and most_others ~= '' and size - 1 > tonumber(most_others) then
    if is_new then
      redis.call('HDEL', index, selector)
    end
    return
  end
  if there and not entered then
    redis.call('HSET', index, selector, there .. ' ' .. token)
  end
  extend(index, life, size == 1 and is_new)
  return size
end

-- Enters a log-in and then, if the server has the session's key too, assigns the session to the
-- principal by `assign`. If `assign` refuses, the caller takes the entry back, as after two steps.
local function admit(index, assign, session)
  local size = enter(index)
  if not size then
    return {'full', redis.call('HGETALL', index)}
  end
  local assigned = assign and assign(session, 5)
  -- Some entries for the caller to prune: without that, entries of ended sessions would gather.
  local some = size > 32 and redis.call('HRANDFIELD', index, 8, 'WITHVALUES')
  return {'ok', some, assigned}
end
