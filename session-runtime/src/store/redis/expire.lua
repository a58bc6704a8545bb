-- Makes an index live for at least so many milliseconds; '' means without end.
local function extend(index, life, is_new)
  if life == '' then
    redis.call('PERSIST', index)
    return
  end
  local left = is_new and 0 or redis.call('PTTL', index)
  if left >= 0 and left < tonumber(life) then
    redis.call('PEXPIRE', index, life)
  end
end
