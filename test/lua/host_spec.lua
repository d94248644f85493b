--- Who turns the loop: the script runner, or a host with a luv loop; and the examples under both.

local support = require("support")

local unpack = table.unpack or unpack

local uri = support.uri
local URI = uri("PLAIN")

local has_luv = pcall(require, "luv")
local luv_it = has_luv and it or pending

--- A script that only a host's loop can finish: it never calls run.
local TALK = [[
  local WebSockets = require("plugin.websockets")
  local ws = WebSockets.new()
  ws:addEventListener(ws.WSEVENT, function(event)
    print(event.type, event.data or event.code)
    if event.type == ws.ONOPEN then ws:send("hello") end
    if event.type == ws.ONMESSAGE then ws:disconnect() end
  end)
  assert(ws:connect(arg[1]))
]]
local TALKED = "OnOpen0\tnil\nOnMessage0\thello\nOnClose0\t1000\n"

describe("uvws run", function()
  it("turns the loop when the script has ended", function()
    local printed, status = support.uvws_run(TALK, URI)
    assert.equal(TALKED, printed)
    assert.equal(0, status)
  end)

  it("gives the script its arguments as plain Lua does", function()
    local script = "print(arg[1], arg[2], #arg, arg[0] ~= nil, ...)"
    local printed, status = support.uvws_run(script, "a b", "")
    assert.equal("a b\t\t2\ttrue\ta b\t\n", printed)
    assert.equal(0, status)
    assert.equal(support.run_lua(script, "a b", ""), printed)
  end)

  it("prints an error with its traceback and ends with status 1", function()
    local scripts = { "error('oh no')", "x = = 1", "local x = nil + 1" }
    if jit then scripts[4] = "local function f() error({}) end f()" end -- Lua 5.4 has other words for it
    for _, script in ipairs(scripts) do
      local expected, expected_status = support.run_lua(script)
      local printed, status = support.uvws_run(script)
      assert.equal(1, status)
      assert.equal(expected_status, status)
      local function normal(text)
        return (text:gsub("^" .. support.lua .. ": ", "uvws: "):gsub("/tmp/lua_%w+", "FILE"):gsub("0x%x+", "ADDRESS")
          :gsub("\n\t%[C%]: at ADDRESS", ""):gsub("\n\t%[C%]: in function 'cli_run'", ""))
      end
      assert.equal(normal(expected), normal(printed))
    end
  end)

  it("does not turn the loop when the script failed", function()
    local printed, status = support.uvws_run(TALK .. "error('stop')", URI)
    assert.matches("stop", printed)
    assert.not_matches("OnOpen", printed)
    assert.equal(1, status)
  end)

  it("takes the status that the script gives to os.exit", function()
    assert.equal(7, select(2, support.uvws_run("os.exit(7)")))
    assert.equal(8, select(2, support.uvws_run("os.exit(8, true)")))
  end)

  it("names a file that is not there, and says how it is used", function()
    local printed, status = support.execute(support.program, "run", "/does/not/exist.lua")
    assert.matches("^uvws: cannot open /does/not/exist.lua", printed)
    assert.equal(1, status)
    printed, status = support.execute(support.program, "run")
    assert.matches("usage: uvws run", printed)
    assert.equal(2, status)
  end)

  it("reads a script from standard input for -", function()
    local pipe = assert(io.popen(("echo 'print(1, ...)' | %s run - x"):format(support.program)))
    assert.equal("1\tx\n", pipe:read("*a"))
    pipe:close()
  end)

  it("runs what LUA_INIT says first", function()
    local printed = support.execute("env", "LUA_INIT=x = 5", support.program, "run", "/dev/null")
    assert.equal("", printed)
    local pipe = assert(io.popen(("echo 'print(x)' | LUA_INIT='x = 5' %s run -"):format(support.program)))
    assert.equal("5\n", pipe:read("*a"))
    pipe:close()
  end)

  it("does without our modules", function()
    assert.equal("1\n", (support.uvws_run("print(1)")))
  end)
end)

describe("the example", function()
  local function example(name, ...)
    return support.execute(support.program, "run", support.examples .. "/" .. name, ...)
  end

  it("simple.lua, the documented one, hears open, message and close", function()
    local printed, status = example("simple.lua", uri("PLAIN", "close/1000/bye"))
    assert.equal("connected\ndisconnected\t1000\tbye\n", printed)
    assert.equal(0, status)
    printed = example("simple.lua", uri("REFUSED"))
    assert.matches("^error\t%-%d+\t.*\ndisconnected\t1006\t", printed)
  end)

  it("echo.lua talks over ws and wss", function()
    for _, words in ipairs({ { URI }, { uri("TLS"), support.ca_file } }) do
      local printed, status = example("echo.lua", unpack(words))
      assert.matches("received Grüße, 世界, 🌍\n.*closed   1000 all said\n$", printed)
      assert.equal(0, status)
    end
  end)

  it("echo.lua says what went wrong, with status 1", function()
    local printed, status = example("echo.lua", uri("TLS"))
    assert.matches("error    UVWS_ECERT", printed)
    assert.equal(1, status)
  end)

  it("several.lua runs many clients on one loop", function()
    local printed, status = example("several.lua", URI, "20")
    local _, done = printed:gsub("client %d+ is done: 1000\n", "")
    assert.equal(20, done)
    assert.equal(0, status)
  end)

  it("several.lua runs under plain Lua too", function()
    local printed, status = support.execute(support.lua, support.examples .. "/several.lua", URI)
    assert.matches("client 3 says 3", printed)
    assert.equal(0, status)
  end)
end)

describe("where luv is loaded", function()
  local function luv_script(text, expected)
    local printed, status = support.run_lua(text, URI)
    assert.equal(expected, printed)
    assert.equal(0, status)
  end

  luv_it("luv's loop turns ours, without a call of run", function()
    luv_script("local luv = require('luv')\n" .. TALK .. "luv.run()", TALKED)
  end)

  luv_it("after our modules, its loop is found by connect", function()
    luv_script("require('plugin.websockets')\nlocal luv = require('luv')\n" .. TALK .. "luv.run()", TALKED)
  end)

  luv_it("after a client connected, run finds it", function()
    luv_script(TALK .. "require('luv')\nWebSockets.run()", TALKED)
  end)

  luv_it("run turns luv's loop, with what else is on it", function()
    luv_script([[
      local luv = require("luv")
      local timer = luv.new_timer()
      timer:start(0, 0, function()
        timer:close()
        io.stdout:write("timer ")
      end)
    ]] .. TALK .. "WebSockets.run()", "timer " .. TALKED)
  end)

  luv_it("uvws run needs nothing either", function()
    local printed, status = support.uvws_run("require('luv')\n" .. TALK, URI)
    assert.equal(TALKED, printed)
    assert.equal(0, status)
  end)

  luv_it("run raises from inside a callback of luv's as of ours", function()
    luv_script([[
      local luv = require("luv")
      local WebSockets = require("plugin.websockets")
      local timer = luv.new_timer()
      timer:start(0, 0, function()
        timer:close()
        io.stdout:write(tostring(pcall(WebSockets.run)), " ")
      end)
      local ws = WebSockets.new()
      ws:addEventListener(ws.WSEVENT, function() io.stdout:write(tostring(pcall(WebSockets.run)), " ") end)
      assert(ws:connect("ws://127.0.0.1:1/"))
      luv.run()
    ]], "false false false ")
  end)

  luv_it("a client can be told things from luv's callbacks, and its deadlines hold", function()
    luv_script([[
      local luv = require("luv")
      local WebSockets = require("plugin.websockets")
      local ws = WebSockets.new()
      local timer = luv.new_timer()
      ws:addEventListener(ws.WSEVENT, function(event)
        io.stdout:write(event.type, event.data or "", event.code or "", " ")
        if event.type == ws.ONOPEN then
          timer:start(1, 0, function() assert(ws:send("late")) end)
        elseif event.type == ws.ONMESSAGE then
          timer:start(1, 0, function()
            timer:close()
            assert(ws:disconnect(4001))
          end)
        end
      end)
      assert(ws:connect(arg[1]))
      luv.run()
      local silent = WebSockets.new()
      silent:addEventListener(ws.WSEVENT, function(event) io.stdout:write(event.error or event.code, " ") end)
      assert(silent:connect("ws://127.0.0.1:]] .. support.port("SILENT") .. [[/", { handshake_timeout_ms = 20 }))
      luv.run()
    ]], "OnOpen0 OnMessage0late OnClose04001 UVWS_EHANDSHAKE_TIMEOUT 1006 ")
  end)

  luv_it("idle clients leave nothing on luv's loop", function()
    luv_script("local luv = require('luv')\n" .. TALK .. [[
      luv.run()
      luv.walk(function(handle) print(handle) end)
      assert(luv.loop_close())
    ]], TALKED)
  end)

  luv_it("luv.run alone finds a client that connected before luv was loaded", function()
    luv_script(TALK .. "require('luv').run()", TALKED)
  end)

  luv_it("timers of both and clients live in one run, and luv.walk goes over all of it", function()
    luv_script([[
      local uvws = require("uvws")
      local luv = require("luv")
      local ticks, handles = 0, 0
      local timer = luv.new_timer()
      timer:start(1, 1, function() ticks = ticks + 1 end)
      uvws.spawn(function()
        local ws = assert(uvws.connect(arg[1]))
        ws:send("hello")
        io.stdout:write(ws:receive(), " ")
        luv.walk(function() handles = handles + 1 end)
        while ticks == 0 do uvws.sleep(1) end
        ws:close()
        timer:close()
      end)
      luv.run()
      print(ticks > 0, handles >= 2)
    ]], "hello true\ttrue\n")
  end)

  luv_it("luv's sockets and ours are served by one run", function()
    luv_script([[
      local uvws = require("uvws")
      local luv = require("luv")
      local server = luv.new_tcp()
      server:bind("127.0.0.1", 0)
      server:listen(8, function()
        local peer = luv.new_tcp()
        server:accept(peer)
        peer:read_start(function(_, data)
          if data then peer:write(data) else peer:close() end
        end)
      end)
      uvws.spawn(function()
        local ws = assert(uvws.connect(arg[1]))
        local socket, answers = luv.new_tcp(), uvws.future()
        socket:connect("127.0.0.1", server:getsockname().port, function()
          socket:read_start(function(_, data) answers:set(data) end)
          socket:write("by luv")
        end)
        ws:send("by uvws")
        print(answers:join(), (ws:receive()))
        socket:close()
        server:close()
        ws:close()
      end)
      luv.run()
    ]], "by luv\tby uvws\n")
  end)

  luv_it("os.exit with live clients ends the process with its status", function()
    for _, close in ipairs({ "", ", true" }) do
      local script = "local luv = require('luv')\n" .. TALK .. ([[
        local timer = luv.new_timer()
        timer:start(30, 0, function() os.exit(3%s) end)
        ws:addEventListener(ws.WSEVENT, function() ws.send = function() end end)
        luv.run()
      ]]):format(close)
      local silent = "ws://127.0.0.1:" .. support.port("SILENT") .. "/"
      assert.equal(3, (select(2, support.run_lua_with({ ASAN_OPTIONS = "detect_leaks=0" }, script, silent))))
    end
  end)

  luv_it("a script that closes all handles can still connect anew", function()
    luv_script("local luv = require('luv')\n" .. TALK .. [[
      luv.walk(function(handle) handle:close() end)
      luv.run()
      local other = WebSockets.new()
      other:addEventListener(ws.WSEVENT, function(event)
        if event.type == ws.ONOPEN then other:disconnect() end
      end)
      assert(other:connect(arg[1]))
      luv.run()
    ]], TALKED)
  end)

  luv_it("a state that closes with live clients is clean", function()
    luv_script("require('luv')\n" .. TALK, "")
    local script = "local luv = require('luv')\n" .. TALK .. "luv.run('once') luv.run('once')"
    local printed, status = support.run_lua(script, URI)
    assert.not_matches("OnClose", printed)
    assert.equal(0, status)
  end)
end)
