-- Lets a principal's index live longer, before one of its sessions does.
local index, selector, token, life = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local is_new = redis.call('EXISTS', index) == 0
redis.call('HSETNX', index, selector, token)
extend(index, life, is_new)
return 'ok'
