--- Who keeps a client alive, who frees it, and what a listener may do to it.

local WebSockets = require("plugin.websockets")
local core = require("uvws.core")
local support = require("support")

local uri, listen = support.uri, support.listen
local REFUSED = uri("REFUSED")

--- Every client of a test is in here until it is collected.
local clients
before_each(function() clients = setmetatable({}, { __mode = "k" }) end)

local function new()
  local ws = WebSockets.new()
  clients[ws] = true
  clients[ws[1]] = true -- the core's part
  return ws
end

--- A trace that LuaJIT has compiled holds the closures that it calls, and a listener holds its client. Which become hot
--- depends on where the code lies in memory, so that one run in twenty would count a client that nobody else holds.
local function count_alive()
  if jit then jit.flush() end
  collectgarbage()
  collectgarbage()
  local count = 0
  for _ in pairs(clients) do
    count = count + 1
  end
  return count
end

after_each(function()
  assert.is_false(core.is_alive())
  assert.equal(0, count_alive())
end)

--- Connect a client that nobody here holds; returns its events.
local function connect_unheld(address, on)
  local ws = new()
  local events = listen(ws, on)
  assert.is_true(ws:connect(address))
  return events
end

describe("a client", function()
  it("that was never connected is collected", function()
    local ws = new()
    ws.itself = ws
    listen(ws)
    assert.equal(2, count_alive())
    ws = nil -- luacheck: ignore
    assert.equal(0, count_alive())
  end)

  it("with messages waiting for a connect that never comes is collected", function()
    new():send("nobody will hear this")
    assert.equal(0, count_alive())
    support.run()
  end)

  it("is kept while it is connecting, open and closing, and collected after its close", function()
    local counts = {}
    local function count() counts[#counts + 1] = count_alive() end
    local events = connect_unheld(uri("PLAIN"), {
      open = function(ws)
        count()
        ws:send("x")
      end,
      message = function(ws)
        count()
        ws:disconnect()
        count()
      end,
    })
    count()
    support.run()
    assert.equal("open message close", events.order)
    assert.same({ 2, 2, 2, 2 }, counts)
    -- The events hold their target: after_each sees it go when this function has ended.
  end)

  it("whose connect fails at once is not kept", function()
    assert.is_nil(new():connect("no uri"))
    assert.is_nil(new():connect(uri("PLAIN"), { unknown = 1 }))
    assert.is_nil(new():connect(uri("TLS"), { ca_file = "/does/not/exist" }))
    assert.equal(0, count_alive())
  end)

  it("can be collected from inside the listener of its close", function()
    local alive
    do
      local ws = new()
      ws:addEventListener(ws.WSEVENT, function(event)
        if event.type ~= WebSockets.ONCLOSE then return end
        event.target = nil
        event = nil -- luacheck: ignore
        alive = count_alive()
      end)
      assert.is_true(ws:connect(REFUSED))
    end
    support.run()
    assert.is_true(alive <= 2)
    assert.equal(0, count_alive())
  end)
end)

describe("from inside any event", function()
  local addresses = { uri("PLAIN", "first"), uri("PLAIN", "drop"), uri("PLAIN", "close/4000"), REFUSED, uri("GARBAGE") }

  --- Do something at every event of every kind of connection, by way of a client that nobody holds.
  local function at_every_event(act)
    local closes = 0
    for _, address in ipairs(addresses) do
      connect_unheld(address, {
        open = act,
        message = function(ws)
          local ok, message = pcall(act, ws)
          ws:disconnect()
          if not ok then error(message, 0) end
        end,
        error = act,
        close = function(ws)
          closes = closes + 1
          act(ws)
        end,
      })
    end
    support.run()
    return closes
  end

  it("a full collection is safe", function()
    assert.equal(#addresses, at_every_event(function() collectgarbage() end))
  end)

  it("disconnect is safe", function()
    assert.equal(#addresses, at_every_event(function(ws) assert(ws:disconnect()) end))
  end)

  it("send is safe", function()
    assert.equal(#addresses, at_every_event(function(ws) ws:send("x") end))
  end)

  it("an error is safe", function()
    local count = 0
    WebSockets.setErrorHandler(function() count = count + 1 end)
    assert.equal(#addresses, at_every_event(function() error("on purpose") end))
    WebSockets.setErrorHandler(nil)
    assert.is_true(count >= #addresses)
  end)

  it("connect is safe, and works from the close", function()
    local again = 10
    local closes = at_every_event(function(ws)
      if again > 0 and ws:connect(uri("PLAIN", "close/1000")) then again = again - 1 end
    end)
    assert.equal(0, again)
    assert.equal(#addresses + 10, closes)
  end)

  it("removing every listener is safe", function()
    local ws = new()
    local count = 0
    local function listener()
      count = count + 1
      ws:removeEventListener(ws.WSEVENT, listener)
      collectgarbage()
    end
    ws:addEventListener(ws.WSEVENT, listener)
    assert.is_true(ws:connect(uri("PLAIN", "close/1000")))
    support.run()
    assert.equal(1, count)
  end)

  it("new clients are safe, a hundred of them", function()
    local closes = 0
    for _ = 1, 100 do
      connect_unheld(uri("PLAIN"), {
        open = function(ws)
          for i = 1, 10 do
            ws:send(tostring(i))
          end
        end,
        message = function(ws, event)
          if event.data == "10" then ws:disconnect() end
        end,
        close = function() closes = closes + 1 end,
      })
    end
    support.run()
    assert.equal(100, closes)
  end)
end)

describe("run", function()
  it("returns true at once when nothing is active", function() assert.is_true(WebSockets.run()) end)

  it("raises from inside a callback, and the loop lives on", function()
    local answers = {}
    local events = connect_unheld(uri("PLAIN"), {
      open = function(ws)
        answers = { pcall(WebSockets.run) }
        ws:disconnect()
      end,
    })
    support.run()
    assert.is_false(answers[1])
    assert.matches("run%(%) was called from inside a callback", answers[2])
    assert.equal("open close", events.order)
  end)

  it("works in a coroutine, for clients that another one connected", function()
    local events
    coroutine.wrap(function() events = connect_unheld(uri("PLAIN"), { open = function(ws) ws:disconnect() end }) end)()
    collectgarbage()
    local resumed = coroutine.wrap(function()
      support.run()
      coroutine.yield("ran")
      return "ended"
    end)
    assert.equal("ran", resumed())
    assert.equal("open close", events.order)
    assert.equal("ended", resumed())
  end)

  it("may resume coroutines from a listener", function()
    local steps = {}
    local ws = new()
    local step = coroutine.wrap(function()
      for _ = 1, 2 do
        steps[#steps + 1] = coroutine.yield().type
      end
      return nil
    end)
    step()
    ws:addEventListener(ws.WSEVENT, function(event)
      step(event)
      ws:disconnect()
    end)
    assert.is_true(ws:connect(uri("PLAIN")))
    support.run()
    assert.same({ "OnOpen0", "OnClose0" }, steps)
  end)
end)

describe("a Lua state that closes", function()
  local prelude = [[
    --- Something that is finalized, and where its finalizer has to go.
    local function with_finalizer()
      if newproxy then
        local proxy = newproxy(true)
        return proxy, getmetatable(proxy)
      end
      local meta = { __gc = print }
      return setmetatable({}, meta), meta
    end
    local WebSockets = require("plugin.websockets")
    local uri = arg[1]
    local function client(path, at)
      local ws = WebSockets.new()
      ws:addEventListener(ws.WSEVENT, function(event)
        io.stdout:write(event.type, " ")
        if at and event.type == ws[at] then os.exit(0, true) end
      end)
      assert(ws:connect(uri .. (path or "echo")))
      return ws
    end
  ]]

  local function run(script, expected)
    local printed, status = support.run_lua(prelude .. script, uri("PLAIN", ""))
    assert.equal(expected, printed)
    assert.equal(0, status)
  end

  it("while a client is connecting cuts it silently", function() run("client()", "") end)

  it("while clients are held, waiting and unbound frees them", function()
    run("a = client(); a:send('x'); b = WebSockets.new(); b:send('y')", "")
  end)

  it("after a connection has nothing left", function()
    run("client('close/1000'); WebSockets.run()", "OnOpen0 OnClose0 ")
  end)

  it("while a client is open cuts it silently", function()
    run([[
      local core = require("uvws.core")
      local ws = client("first")
      local done = false
      ws:addEventListener(ws.WSEVENT, function(event) done = event.type == ws.ONMESSAGE end)
      while not done do core.turn() end
    ]], "OnOpen0 OnMessage0 ")
  end)

  it("from inside any callback ends the process all the same", function()
    -- The loop is being turned while the process exits, so that its memory is not given back.
    local function exits(path, at, expected)
      local script = prelude .. ("client('%s', '%s') WebSockets.run()"):format(path, at)
      local printed, status = support.run_lua_with({ ASAN_OPTIONS = "detect_leaks=0" }, script, uri("PLAIN", ""))
      assert.equal(expected, printed)
      assert.equal(0, status)
    end
    exits("first", "ONOPEN", "OnOpen0 ")
    exits("first", "ONMESSAGE", "OnOpen0 OnMessage0 ")
    exits("close/1000", "ONCLOSE", "OnOpen0 OnClose0 ")
  end)

  it("may run finalizers after ours that still use a client", function()
    run([[
      local proxy, meta = with_finalizer() -- older than the module's userdata would be newest first
      for name in pairs(package.loaded) do
        if name:match("^uvws") or name:match("^plugin") then package.loaded[name] = nil end
      end
      local again = require("plugin.websockets")
      local ws = again.new()
      local said = {}
      meta.__gc = function()
        for _, f in ipairs({ ws.send, ws.disconnect, ws.connect, again.new, again.run }) do
          said[#said + 1] = tostring(select(2, pcall(f, ws, "ws://127.0.0.1:1/"))):match("state is closing") or "-"
        end
        print(table.concat(said, ","))
      end
      again.kept = proxy
    ]], "state is closing,state is closing,state is closing,state is closing,-\n")
  end)

  it("may run other finalizers that still use a client", function()
    run([[
      local ws = client()
      local proxy, meta = with_finalizer()
      meta.__gc = function()
        pcall(ws.send, ws, "x")
        pcall(ws.disconnect, ws)
        pcall(WebSockets.run) -- delivers the close, since this finalizer comes before ours
        pcall(ws.connect, ws, uri)
        pcall(WebSockets.new)
      end
      WebSockets.kept = proxy
    ]], "OnClose0 ")
  end)
end)

describe("several Lua states in one process", function()
  local ffi_it = jit and it or function(name) pending(name .. " (it needs ffi)") end
  ffi_it("each have their own loop and clients, and close as they like", function()
    local printed, status = support.run_lua([[
      local ffi = require("ffi")
      ffi.cdef("typedef struct lua_State lua_State; lua_State *luaL_newstate(void); void luaL_openlibs(lua_State *);"
        .. "int luaL_loadstring(lua_State *, const char *); int lua_pcall(lua_State *, int, int, int);"
        .. "const char *lua_tolstring(lua_State *, int, size_t *); void lua_close(lua_State *);"
        .. "int lua_toboolean(lua_State *, int); void lua_settop(lua_State *, int);")
      local C = ffi.C
      jit.off()
      local function eval(L, text)
        if C.luaL_loadstring(L, text) ~= 0 or C.lua_pcall(L, 0, 1, 0) ~= 0 then
          error(ffi.string(C.lua_tolstring(L, -1, nil)))
        end
        local answer = C.lua_toboolean(L, -1) ~= 0
        C.lua_settop(L, 0)
        return answer
      end
      local states = {}
      for i = 1, 4 do
        states[i] = C.luaL_newstate()
        C.luaL_openlibs(states[i])
        eval(states[i], ([=[
          uvws, core, done = require("uvws"), require("uvws.core"), false
          task = uvws.spawn(function()
            local ws = assert(uvws.connect(%q))
            for n = 1, 10 do
              ws:send(%d .. " " .. n)
              assert(ws:receive() == %d .. " " .. n)
            end
            done = true
            if %d < 3 then ws:close() end
          end)
        ]=]):format(arg[1], i, i, i))
      end
      local left = 4
      while left > 0 do
        left = 4
        for i = 1, 4 do
          if eval(states[i], "core.turn() return done") then left = left - 1 end
        end
      end
      for i = 4, 1, -1 do
        C.lua_close(states[i])
      end
      print("all done")
    ]], uri("PLAIN"))
    assert.equal("all done\n", printed)
    assert.equal(0, status)
  end)
end)
