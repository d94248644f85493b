-- JSON-RPC 2.0 over one connection: many calls at once, each with a time-out, answers in any order.
--
--   uvws run examples/jsonrpc.lua URI
--
-- The server is to know the methods "add" and "never", which does not answer. JSON is as small as it can be here: take
-- a library of your liking instead.

local uvws = require("uvws")

local uri = arg[1] or "ws://127.0.0.1:9001/"

local Rpc = {}
Rpc.__index = Rpc

function Rpc.open(address)
  local ws, message, code = uvws.connect(address, { protocols = "jsonrpc" })
  if not ws then return nil, message, code end
  local rpc = setmetatable({ ws = ws, last_id = 0, waiting = {} }, Rpc)
  rpc.reader = uvws.spawn(rpc.read, rpc)
  return rpc
end

--- One coroutine reads and hands each answer to the call that waits for it.
function Rpc:read()
  for text in self.ws:messages() do
    local id, result = tonumber(text:match('"id"%s*:%s*(%d+)')), text:match('"result"%s*:%s*([^,}]+)')
    local call = self.waiting[id]
    if call then call:set(result) end
  end
  for _, call in pairs(self.waiting) do
    call:set(nil, "the connection is gone")
  end
end

--- The result as JSON text, or nil and why there is none.
function Rpc:call(method, params, timeout_ms)
  self.last_id = self.last_id + 1
  local id, call = self.last_id, uvws.future()
  self.waiting[id] = call
  local ok, why = self.ws:send(('{"jsonrpc":"2.0","id":%d,"method":"%s","params":%s}'):format(id, method, params))
  if not ok then return nil, why end
  local result, message = call:join(timeout_ms)
  self.waiting[id] = nil
  return result, message
end

uvws.run(function()
  local rpc = assert(Rpc.open(uri))
  local tasks = {}
  for i = 1, 5 do
    tasks[i] = uvws.spawn(function()
      print(("%d + %d ="):format(i, i), (rpc:call("add", ("[%d,%d]"):format(i, i), 5000)))
    end)
  end
  for _, task in ipairs(tasks) do
    task:join()
  end
  print("never:", rpc:call("never", "[]", 20))
  rpc.ws:close()
end)
