-- A chat in which everybody hears everybody, as far as the server passes it on; with an echo server, oneself.
--
--   uvws run examples/chat.lua URI NAME [NAME ...]
--
-- Each name is a client with two coroutines: one listens, one says something now and then.

local uvws = require("uvws")

local uri = arg[1] or "ws://127.0.0.1:9001/"
local lines = { "hello", "how are you?", "bye" }

local function listen(ws, name)
  for message in ws:messages() do
    print(("%s hears: %s"):format(name, message))
  end
  print(("%s is gone: %s"):format(name, ws.close_reason))
end

local function take_part(name)
  local ws, message = uvws.connect(uri)
  if not ws then
    print(("%s cannot come: %s"):format(name, message))
    return
  end
  local listener = uvws.spawn(listen, ws, name)
  for _, line in ipairs(lines) do
    assert(ws:send(name .. ": " .. line))
    uvws.sleep(10)
  end
  ws:close(1000, name .. " has said it all")
  listener:join()
end

uvws.run(function()
  local tasks = {}
  for i = 2, math.max(2, #arg) do
    tasks[#tasks + 1] = uvws.spawn(take_part, arg[i] or "somebody")
  end
  for _, task in ipairs(tasks) do
    task:join()
  end
end)
