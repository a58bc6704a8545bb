-- Puts a record in the place of the one that has a version; without a version, where there is none.
-- Says 'late' if the record's entry in the index is so old that others may prune it, and 'unentered'
-- if no entry was made although the record needs one.
local key = KEYS[1]
local version, life, log_in, ends, attempt, new_version, last_seen, record = unpack(ARGV)
if attempt ~= '' then
  local now = tonumber(redis.call('TIME')[1])
  if now - tonumber(string.sub(attempt, 1, 8), 16) > 30 then
    return {'late', now}
  end
end
local there = redis.call('HMGET', key, 'm')[1]
local old_version, seen, old_entry = '', last_seen, ''
if there then
  old_version, seen, old_entry = string.match(there, '^(%d+) (%d+) (%x*)$')
end
if old_version ~= version then
  return 'not'
end

local entry = log_in .. ends .. attempt
if log_in ~= '' and attempt == '' then
  local from = #log_in + 1
  local old_ends = string.sub(old_entry, from, from + #ends - 1)
  if string.sub(old_entry, 1, #log_in) ~= log_in or old_ends < ends then
    return 'unentered'
  end
  entry = old_entry
end

-- The later time stays, and the key lives for longer by the difference. The times are compared as
-- text: Lua's numbers are not exact beyond 2^53.
if #seen > #last_seen or (#seen == #last_seen and seen > last_seen) then
  life = life ~= '' and life + (seen - last_seen) or life
  last_seen = seen
end
redis.call('HSET', key, 'm', new_version .. ' ' .. last_seen .. ' ' .. entry, 'r', record)

-- An end that hardly moves costs no command. A key outlives its session by at least as much.
local left = there and redis.call('PTTL', key) or -1
if life ~= '' then
  if left < 0 or math.abs(left - life) > 30000 then
    redis.call('PEXPIRE', key, life)
  end
elseif left >= 0 then
  redis.call('PERSIST', key)
end
return entry ~= old_entry and old_entry ~= '' and {'ok', old_entry} or 'ok'
