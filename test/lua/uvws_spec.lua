--- require("uvws"): coroutines, the same names with callbacks, and what must not get lost between them.

local core = require("uvws.core")
local support = require("support")
local uvws = require("uvws")

local uri = support.uri
local URI = uri("PLAIN")
local ETIMEDOUT = core.ETIMEDOUT

local unheard
before_each(function()
  unheard = {}
  uvws.set_error_handler(function(message) unheard[#unheard + 1] = tostring(message) end)
end)
after_each(function()
  uvws.set_error_handler(nil)
  assert.same({}, unheard)
  assert.is_false(core.is_alive())
end)

--- In a coroutine. Looks often, and for long enough for a slow machine.
local function wait_until(is_true)
  for _ = 1, 5000 do
    if is_true() then return end
    uvws.sleep(1)
  end
  error("it did not come to pass", 2)
end

--- In a coroutine, with the loop turned until it is empty.
local function run(fn)
  assert.equal("ended", uvws.run(function()
    fn()
    return "ended"
  end))
end

--- The same, with an open connection that is closed in the end.
local function with(path, options, fn)
  run(function()
    local ws = assert(uvws.connect(path, options))
    fn(ws)
    if ws.state ~= "closed" then ws:close() end
  end)
end

local function raises(pattern, fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  assert.matches(pattern, message)
end

describe("connect", function()
  it("returns an open connection", function()
    with(URI, nil, function(ws)
      assert.equal("open", ws.state)
      assert.equal("uvws client (open)", tostring(ws))
    end)
  end)

  it("returns nil, a message and a code when nobody listens", function()
    run(function()
      local ws, message, code, failure = uvws.connect(uri("REFUSED"))
      assert.is_nil(ws)
      assert.matches("refused", message)
      assert.equal("ECONNREFUSED", uvws.error_name(code))
      assert.equal("ECONNREFUSED", failure.name)
    end)
  end)

  it("tells what a server that refuses said", function()
    run(function()
      local ws, _, code, failure = uvws.connect(uri("PLAIN", "refuse/401"))
      assert.is_nil(ws)
      assert.equal("UVWS_EHTTP_STATUS", uvws.error_name(code))
      assert.equal(401, failure.status)
      assert.equal("Basic", failure.headers["www-authenticate"])
      assert.equal("go away\n", failure.body)
    end)
  end)

  it("returns nil, a message and a code for a bad URI and a bad option", function()
    run(function()
      assert.is_nil((uvws.connect("no uri")))
      local _, message, code = uvws.connect(URI, { no_such_option = 1 })
      assert.matches("no_such_option", message)
      assert.equal(core.EOPTION, code)
      _, message = uvws.connect(URI, { schedule = true })
      assert.matches("needs Neovim", message)
      _, message = uvws.connect(URI, { receive_mark = "x" })
      assert.matches("receive_mark", message)
    end)
  end)

  it("raises for wrong types, and outside a coroutine without a callback", function()
    run(function() raises("uri must be a string", uvws.connect, 5) end)
    raises("inside a coroutine", uvws.connect, URI)
    raises("uri must be a string", uvws.connect, 5, nil, function() end)
  end)

  it("gives up at the deadline of timeout, and the connection is gone", function()
    run(function()
      local ws, message, code = uvws.timeout(10, uvws.connect, uri("SILENT"))
      assert.is_nil(ws)
      assert.equal("timed out", message)
      assert.equal(ETIMEDOUT, code)
    end)
  end)

  it("can happen in many coroutines at once", function()
    local count = 0
    run(function()
      local tasks = {}
      for i = 1, 50 do
        tasks[i] = uvws.spawn(function()
          local ws = assert(uvws.connect(URI))
          assert(ws:send(tostring(i)))
          assert.equal(tostring(i), (ws:receive()))
          ws:close()
          count = count + 1
        end)
      end
      for _, task in ipairs(tasks) do
        task:join()
      end
    end)
    assert.equal(50, count)
  end)
end)

describe("receive", function()
  it("returns message and kind, in order, whenever they arrived", function()
    with(URI, nil, function(ws)
      for i = 1, 100 do
        ws:send(tostring(i), i % 2 == 0 and "binary" or "text")
      end
      uvws.sleep(20)
      for i = 1, 100 do
        local message, kind = ws:receive()
        assert.equal(tostring(i), message)
        assert.equal(i % 2 == 0 and "binary" or "text", kind)
      end
    end)
  end)

  it("times out without losing a message", function()
    with(URI, nil, function(ws)
      local received = 0
      for i = 1, 20 do
        ws:send(tostring(i))
      end
      local deadline = core.clock() + 5000
      while received < 20 and core.clock() < deadline do
        local message, why, code = ws:receive(0)
        if message then
          received = received + 1
          assert.equal(tostring(received), message)
        else
          assert.equal("timed out", why)
          assert.equal(ETIMEDOUT, code)
        end
      end
      assert.equal(20, received)
    end)
  end)

  it("loses nothing however its deadlines, and those of others, fall between the messages", function()
    with(URI, { compression = false }, function(ws)
      local COUNT = 600
      uvws.spawn(function()
        for i = 1, COUNT do
          ws:send(tostring(i))
          if i % 7 == 0 then uvws.sleep(i % 3) end
        end
      end)
      local random = 1
      local ways = {
        function(ms) return ws:receive(ms) end,
        function(ms) return uvws.timeout(ms, ws.receive, ws) end,
        function(ms) return ws:receive_chunk(ms) end,
        function(ms)
          local future = uvws.future()
          ws:receive(ms, function(...) future:set(...) end)
          return future:join()
        end,
      }
      local timeouts, received = 0, 0
      while received < COUNT do
        random = random * 16807 % 2147483647
        local message, why, code = ways[random % #ways + 1](random % 5 * 0.3)
        if message then
          received = received + 1
          assert.equal(tostring(received), message)
        else
          assert.same({ "timed out", ETIMEDOUT }, { why, code })
          timeouts = timeouts + 1
        end
      end
      assert.is_true(timeouts > 0)
    end)
  end)

  it("returns what is left after the close, and then why it ended", function()
    with(uri("PLAIN", "first"), nil, function(ws)
      uvws.sleep(20)
      ws:close(4001, "enough")
      assert.equal("closed", ws.state)
      assert.equal("welcome", (ws:receive()))
      assert.same({ nil, "enough", 4001 }, { ws:receive() })
      assert.equal(4001, ws.close_code)
      assert.equal("enough", ws.close_reason)
      assert.is_true(ws.was_clean)
      assert.same({ nil, core.error_text(core.ENOTOPEN), core.ENOTOPEN }, { ws:send("x") })
    end)
  end)

  it("returns the error when the connection is lost", function()
    with(uri("PLAIN", "drop"), nil, function(ws)
      local message, why, code = ws:receive()
      assert.is_nil(message)
      assert.is_string(why)
      assert.is_true(code < 0)
      assert.equal(code, ws.failure.code)
      assert.equal(1006, ws.close_code)
    end)
  end)

  it("by two coroutines at once is misuse", function()
    with(URI, nil, function(ws)
      local first = uvws.spawn(function() return ws:receive() end)
      raises("somebody else receives", ws.receive, ws)
      raises("somebody else receives", ws.messages, ws, function() end)
      ws:send("for the first")
      assert.equal("for the first", (first:join()))
    end)
  end)

  it("is woken by nobody but the client", function()
    with(URI, nil, function(ws)
      local got
      local co = coroutine.create(function() got = ws:receive() end)
      coroutine.resume(co)
      coroutine.resume(co, "not a message")
      assert.is_nil(got)
      ws:send("a message")
      wait_until(function() return got end)
      assert.equal("a message", got)
    end)
  end)

  it("leaves more than receive_mark with the server, and gets it all in the end", function()
    with(URI, { receive_mark = 10000, compression = false }, function(ws)
      local big = ("x"):rep(5000)
      for _ = 1, 200 do
        ws:send(big)
      end
      wait_until(function() return ws.queued >= 10000 end)
      uvws.sleep(20) -- time for what must not come
      assert.is_true(ws.queued < 20000)
      for _ = 1, 200 do
        assert.equal(big, (ws:receive()))
      end
      assert.equal(0, ws.queued)
    end)
  end)
end)

describe("messages", function()
  it("iterates until the end", function()
    with(URI, nil, function(ws)
      ws:send("a")
      ws:send("b", "binary")
      local seen = {}
      for message, kind in ws:messages() do
        seen[#seen + 1] = message .. kind
        if #seen == 2 then uvws.spawn(ws.close, ws) end
      end
      assert.same({ "atext", "bbinary" }, seen)
    end)
  end)

  it("with a callback gives each message, those that wait too, and the end", function()
    local seen = {}
    run(function()
      local ws = assert(uvws.connect(uri("PLAIN", "first")))
      uvws.sleep(20)
      ws:messages(function(message, kind, code)
        seen[#seen + 1] = { message, kind, code }
        if message == "again" then ws:close(4000, "bye") end
      end)
      assert.equal(0, #seen)
      ws:send("again")
    end)
    assert.same({ { "welcome", "text" }, { "again", "text" }, { nil, "bye", 4000 } }, seen)
  end)
end)

describe("pieces", function()
  local piece = ("0123456789"):rep(5000)

  it("are sent as one message, and received as they come", function()
    with(URI, { compression = false }, function(ws)
      assert.is_nil((ws:receive_chunk(0)))
      assert.is_true(ws:message_begin("binary"))
      assert.same({ nil, core.error_text(-20030), -20030 }, { ws:send("not now") })
      for _ = 1, 20 do
        assert.is_true(ws:message_write(piece))
      end
      assert.is_true(ws:message_end())
      local got, firsts = {}, 0
      for data, kind, is_first, is_last in ws:chunks() do
        assert.equal("binary", kind)
        assert.is_true(#data <= 65536)
        got[#got + 1] = data
        firsts = firsts + (is_first and 1 or 0)
        if is_last then break end
      end
      assert.equal(1, firsts)
      assert.is_true(#got > 10)
      assert.equal(piece:rep(20), table.concat(got))
    end)
  end)

  it("are put together again when receive asks, and whole messages are pieces too", function()
    with(URI, nil, function(ws)
      ws:receive_chunk(0)
      ws:send(piece:rep(4))
      assert.equal(piece:rep(4), (ws:receive()))
      ws:send("whole")
      assert.equal("whole", (ws:receive()))
      ws:send("a")
      uvws.sleep(20)
      assert.same({ "a", "text", true, true }, { ws:receive_chunk() })
    end)
  end)

  it("beyond receive_mark do not keep receive waiting", function()
    with(URI, { receive_mark = 100, compression = false }, function(ws)
      ws:receive_chunk(0)
      ws:send(piece:rep(10))
      uvws.sleep(20)
      assert.equal(piece:rep(10), (ws:receive(5000)))
    end)
  end)

  it("without a begin are refused", function()
    with(URI, nil, function(ws)
      assert.equal(-20031, (select(3, ws:message_write("x"))))
      assert.equal(-20031, (select(3, ws:message_end())))
    end)
  end)
end)

describe("views", function()
  local ffi_it = jit and it or function(name) pending(name .. " (it needs ffi)") end

  it("need ffi, which an error says where it is missing", function()
    if jit then return end
    with(URI, nil, function(ws) raises("views needs ffi", ws.views, ws, print) end)
  end)

  ffi_it("give pointer and length of each message, and the end", function()
    local ffi = require("ffi")
    local seen = {}
    with(URI, nil, function(ws)
      ws:send("early")
      uvws.sleep(20)
      ws:views(function(pointer, length, kind)
        seen[#seen + 1] = pointer and { ffi.string(pointer, length), kind } or { length, kind }
      end)
      uvws.sleep(0)
      ws:send("\0\1\2", "binary")
      ws:send(("x"):rep(1000000))
      uvws.sleep(100)
      ws:close(1000, "seen")
    end)
    assert.equal(4, #seen)
    assert.same({ { "early", "text" }, { "\0\1\2", "binary" } }, { seen[1], seen[2] })
    assert.equal(1000000, #seen[3][1])
    assert.same({ "seen", 1000 }, seen[4])
  end)
end)

describe("sleep", function()
  it("for a time that is no number, or below 0, is none at all", function()
    assert.is_true(uvws.run(function() return uvws.sleep(0 / 0) and uvws.sleep(-1 / 0) end))
  end)

  it("for ever lets others go on, and ends with its deadline", function()
    local results
    uvws.run(function()
      results = { uvws.timeout(20, function() return uvws.sleep(1 / 0) end) }
    end)
    assert.equal("timed out", results[2])
  end)
end)

describe("send", function()
  it("waits above high_water_mark until the queue has drained", function()
    with(URI, { high_water_mark = 100000, compression = false }, function(ws)
      local chunk = ("x"):rep(65536)
      for _ = 1, 100 do
        assert.is_true(ws:send(chunk))
        assert.is_true(ws.buffered < 100000 + 2 * 65536)
        if ws.queued > 0 then ws:receive() end
      end
      assert.equal(100, ws.messages_out)
    end)
  end)

  it("that waited to the deadline has queued nothing", function()
    run(function()
      local ws = assert(uvws.connect(uri("NO_CLOSE"), { high_water_mark = 1, close_timeout_ms = 10 }))
      ws:send(("x"):rep(30000000))
      local ok, message, code = uvws.timeout(10, function() return ws:send("late") end)
      assert.is_nil(ok)
      assert.equal("timed out", message)
      assert.equal(ETIMEDOUT, code)
      assert.equal(1, ws.messages_out)
      ws:close()
    end)
  end)

  it("with a callback tells when it has left, or why it has not", function()
    local told = {}
    with(URI, nil, function(ws)
      assert.is_true(ws:send("a", function(...) told[#told + 1] = { ... } end))
      assert.same({}, told)
      ws:send("b", "binary", function(...) told[#told + 1] = { ... } end)
      ws:send("c", "text", "plain", function(...) told[#told + 1] = { ... } end)
      uvws.sleep(20)
      ws:close()
      assert.is_nil((ws:send("late", function() told.late = true end)))
    end)
    assert.same({ { true }, { true }, { true } }, told)
  end)

  it("raises for what is no string", function()
    with(URI, nil, function(ws)
      raises("data must be a string", ws.send, ws, 5)
      raises("kind must be", ws.send, ws, "x", "bin")
      raises("how must be", ws.send, ws, "x", "text", "fast")
    end)
  end)
end)

describe("ping", function()
  it("returns the round-trip time", function()
    with(URI, nil, function(ws)
      local rtt = ws:ping()
      assert.is_true(rtt > 0 and rtt < 5000)
      local first = uvws.spawn(ws.ping, ws)
      local second = uvws.spawn(ws.ping, ws)
      assert.is_number(first:join())
      assert.is_number(second:join())
    end)
  end)

  it("times out, and fails when the connection ends", function()
    run(function()
      local ws = assert(uvws.connect(uri("NO_CLOSE"), { close_timeout_ms = 10 }))
      assert.equal(ETIMEDOUT, (select(3, ws:ping(5))))
      local task = uvws.spawn(ws.ping, ws)
      local ok, _, code = ws:close()
      assert.is_nil(ok)
      assert.equal("UVWS_ECLOSE_TIMEOUT", uvws.error_name(code))
      assert.is_nil((task:join()))
      assert.equal(core.ENOTOPEN, (select(3, ws:ping())))
    end)
  end)

  it("takes a callback", function()
    local rtt
    with(URI, nil, function(ws)
      ws:ping(function(ms) rtt = ms end)
      assert.is_nil(rtt)
      uvws.sleep(20)
    end)
    assert.is_number(rtt)
  end)
end)

describe("close", function()
  it("waits for the end, a second time too", function()
    with(URI, nil, function(ws)
      assert.is_true(ws:close(4000, "a"))
      assert.equal("closed", ws.state)
      assert.is_true(ws:close())
      assert.equal(-20006, (select(3, ws:close(1006))))
    end)
  end)

  it("by the server ends those who wait", function()
    with(uri("PLAIN", "close/4002/so"), nil, function(ws)
      assert.same({ nil, "so", 4002 }, { ws:receive() })
      assert.is_true(ws:close())
    end)
  end)

  it("of all closes all", function()
    run(function()
      local clients = {}
      for i = 1, 5 do
        clients[i] = assert(uvws.connect(URI))
      end
      assert.equal(0, uvws.close_all(4003, "all"))
      for i = 1, 5 do
        assert.equal(4003, clients[i].close_code)
      end
      assert.equal(0, uvws.close_all())
    end)
  end)
end)

describe("with callbacks", function()
  it("everything works without a coroutine, and none fires inside its call", function()
    local order = {}
    local function note(name) order[#order + 1] = name end
    uvws.connect(URI, nil, function(ws)
      note("open")
      ws:send("x")
      ws:receive(function(message)
        note(message)
        ws:receive(5, function(nothing, why)
          note(tostring(nothing) .. why)
          ws:close(1000, nil, function(ok) note("closed" .. tostring(ok)) end)
          note("closing")
        end)
      end)
      note("receiving")
    end)
    uvws.connect("no uri", function(ws, message, code) note(tostring(ws) .. type(message) .. type(code)) end)
    uvws.sleep(0, function() note("slept") end)
    note("begun")
    assert.is_true(uvws.run())
    assert.same("begun", order[1])
    table.sort(order)
    local expected =
      { "begun", "open", "receiving", "x", "niltimed out", "closing", "closedtrue", "nilstringnumber", "slept" }
    table.sort(expected)
    assert.same(expected, order)
  end)

  it("pieces come, and all can be closed", function()
    local order = {}
    local function note(...) order[#order + 1] = table.concat({ ... }, " ") end
    uvws.connect(URI, { compression = false }, function(ws)
      assert.is_true(ws:receive_chunk(function(piece, kind, is_first, is_last)
        note(piece, kind, tostring(is_first), tostring(is_last))
        assert.is_true(ws:receive_chunk(1, function(_, why)
          note(why)
          assert.is_true(uvws.close_all(1001, "all", 1000, function(cut_count) note("cut", cut_count) end))
          ws:messages(function(message, why_over, code) note(tostring(message), why_over, code) end)
        end))
      end))
      assert.is_true(ws:message_begin())
      assert.is_true(ws:message_write("in pieces"))
      assert.is_true(ws:message_end())
      note("asked")
    end)
    assert.is_true(uvws.run())
    -- The first piece is what was in the read buffer: all of it, or the end comes behind it.
    assert.equal("asked", order[1])
    assert.matches("^in pieces text true ", order[2])
    table.sort(order)
    assert.matches("cut 0\n.*nil all 1001", table.concat(order, "\n"))
  end)

  it("an error in one goes to the error handler", function()
    uvws.sleep(0, function() error("on purpose") end)
    uvws.run()
    assert.equal(1, #unheard)
    assert.matches("on purpose.*traceback", unheard[1])
    unheard = {}
  end)
end)

describe("run", function()
  it("returns what the function returns, when all is done", function()
    local slept = false
    uvws.sleep(5, function() slept = true end)
    assert.same({ 1, nil, 3 }, { uvws.run(function(a, b, c) return a, b, c end, 1, nil, 3) })
    assert.is_true(slept)
  end)

  it("raises the function's error at once", function()
    raises("on purpose", uvws.run, function() error("on purpose") end)
    local ws
    raises("later", uvws.run, function()
      ws = assert(uvws.connect(URI))
      uvws.sleep(1)
      error("later")
    end)
    assert.equal("open", ws.state)
    assert.is_true(ws:close())
    uvws.run()
    assert.equal("closed", ws.state)
  end)

  it("says so when the function waits for nothing", function()
    assert.is_nil((uvws.run(function() coroutine.yield() end)))
  end)

  it("raises inside itself", function()
    run(function()
      uvws.sleep(0)
      raises("inside a callback", uvws.run, function() end)
    end)
  end)
end)

describe("spawn", function()
  it("runs at once, and join gives the results", function()
    run(function()
      local began = false
      local gate = uvws.future()
      local task = uvws.spawn(function(a)
        began = true
        gate:join()
        return a, nil, "c"
      end, "a")
      assert.is_true(began)
      assert.same({ nil, "timed out", ETIMEDOUT }, { task:join(0) })
      gate:set()
      assert.same({ "a", nil, "c" }, { task:join() })
      assert.same({ "a", nil, "c" }, { task:join() })
    end)
  end)

  it("tells the error handler of an error, and the joiner", function()
    run(function()
      local task = uvws.spawn(function()
        uvws.sleep(0)
        error("on purpose")
      end)
      local ok, message = task:join()
      assert.is_nil(ok)
      assert.matches("on purpose", message)
    end)
    assert.equal(1, #unheard)
    assert.matches("on purpose.*traceback", unheard[1])
    unheard = {}
  end)
end)

describe("a future", function()
  it("gives its values to all who join", function()
    run(function()
      local future = uvws.future()
      local tasks = {}
      for i = 1, 3 do
        tasks[i] = uvws.spawn(function() return future:join() end)
      end
      assert.same({ nil, "timed out", ETIMEDOUT }, { future:join(0) })
      future:set("a", nil, 3)
      future:set("again")
      for i = 1, 3 do
        assert.same({ "a", nil, 3 }, { tasks[i]:join() })
      end
      assert.same({ "a", nil, 3 }, { future:join() })
    end)
  end)
end)

describe("timeout", function()
  it("returns what the function returns, in time or not", function()
    run(function()
      assert.same({ 1, 2 }, { uvws.timeout(1000, function(...) return ... end, 1, 2) })
      assert.same({ nil, "timed out", ETIMEDOUT }, { uvws.timeout(5, uvws.sleep, 10000) })
      assert.same({ "what it had" }, { uvws.timeout(5, function()
        uvws.sleep(10000)
        return "what it had"
      end) })
    end)
  end)

  it("can be nested, and ends with its function", function()
    run(function()
      local inner, outer
      outer = uvws.timeout(5, function()
        inner = uvws.timeout(10000, uvws.sleep, 10000)
        return uvws.sleep(10000)
      end)
      assert.is_nil(inner)
      assert.is_nil(outer)
      assert.is_true(uvws.sleep(10))
      raises("on purpose", uvws.timeout, 5, error, "on purpose")
      assert.is_true(uvws.sleep(10))
    end)
  end)

  it("holds up nobody who waits again and again behind it", function()
    local others = 0
    uvws.sleep(20, function() others = 1 end)
    run(function()
      local tries = uvws.timeout(1, function()
        local count = 0
        while others == 0 do
          uvws.sleep(1000)
          count = count + 1
        end
        return count
      end)
      assert.is_true(tries > 0)
    end)
    assert.equal(1, others)
  end)
end)

describe("sleep", function()
  it("wakes in the order of the times, those of the same time as they came", function()
    local order = ""
    for _, ms in ipairs({ 300, 100, 200, 100, 0, 300, 0 }) do
      local name = ("%d,%d "):format(ms, #order)
      uvws.sleep(ms, function() order = order .. name:match("%d+") .. " " end)
    end
    uvws.run()
    assert.equal("0 0 100 100 200 300 300 ", order)
  end)

  it("is cheap to have by the thousand", function()
    local woken = 0
    run(function()
      local tasks = {}
      for i = 1, 5000 do
        tasks[i] = uvws.spawn(function()
          uvws.timeout(i % 7, uvws.sleep, (i * 7919) % 13)
          woken = woken + 1
        end)
      end
      for _, task in ipairs(tasks) do
        task:join()
      end
    end)
    assert.equal(5000, woken)
  end)
end)

describe("properties", function()
  it("tell state and counters", function()
    with(URI, { protocols = nil }, function(ws)
      ws:send("four")
      ws:receive()
      assert.equal("open", ws.state)
      assert.equal(0, ws.buffered)
      assert.equal(1, ws.messages_in)
      assert.equal(1, ws.stats.messages_out)
      assert.is_nil(ws.protocol)
      assert.is_nil(ws.close_code)
      assert.is_nil(ws.no_such_property)
      assert.matches("ython", ws:header("server"))
      assert.matches("uvws_messages_in", ws:prometheus('name="x"'))
      assert.is_true(uvws.stats().messages_in >= 1)
      assert.is_string(uvws.prometheus())
      ws.mine = 5
      assert.equal(5, ws.mine)
    end)
  end)

  it("pause keeps messages away until resume", function()
    with(URI, nil, function(ws)
      ws:pause()
      ws:send("x")
      assert.is_nil((ws:receive(20)))
      ws:resume()
      assert.equal("x", (ws:receive()))
    end)
  end)
end)

describe("bind", function()
  it("makes a face of one's own, with all events and the methods for it", function()
    local heard = {}
    local function note(name)
      return function(self, ...) heard[#heard + 1] = { name, self, ... } end
    end
    local face = setmetatable({}, { __index = uvws.methods })
    local handlers = { pong = note("pong"), close = note("close") }
    function handlers.open(self)
      assert(self:ping("are you there"))
      assert(self:send("hello"))
    end
    function handlers.message(self, data, is_binary)
      note("message")(self, data, is_binary)
      self:close(4000, "enough")
    end
    assert.equal(face, uvws.bind(face, handlers))
    assert.is_true(face:connect(URI))
    uvws.run()
    assert.same({
      { "pong", face, "are you there" },
      { "message", face, "hello", false },
      { "close", face, 4000, "enough", true },
    }, heard)
  end)
end)

describe("tls_info", function()
  it("tells version, cipher and certificates", function()
    with(uri("TLS"), { ca_file = support.ca_file }, function(ws)
      local info = assert(ws:tls_info())
      assert.matches("^TLS_V1_[23]$", info.version)
      assert.is_string(info.cipher)
      assert.matches("CN", info.certificates[1].subject)
    end)
    with(URI, nil, function(ws) assert.equal(core.ENOTOPEN, (select(3, ws:tls_info()))) end)
  end)
end)

describe("reconnect", function()
  it("goes on with another connection, and says so", function()
    run(function()
      local ws = assert(uvws.connect(uri("PLAIN", "close/1012"), { reconnect = { delay_ms = 1, no_jitter = true } }))
      local retries = {}
      ws:on_retry(function(attempt, _, _, code)
        retries[#retries + 1] = { attempt, code }
        if attempt == 3 then ws:close() end
      end)
      local message, _, code = ws:receive()
      assert.is_nil(message)
      assert.is_number(code)
      assert.same({ { 1, 1012 }, { 2, 1012 }, { 3, 1012 } }, retries)
      assert.equal(2, ws.reconnects)
    end)
  end)

  it("takes its parameters in a table, and refuses others", function()
    run(function()
      for _, bad in ipairs({ 1, { delay = 5 }, { max_attempts = 0 }, { no_jitter = 1 } }) do
        local ws, message, code = uvws.connect(URI, { reconnect = bad })
        assert.is_nil(ws)
        assert.matches("reconnect", message)
        assert.equal(core.EOPTION, code)
      end
      local ws = assert(uvws.connect(URI, { reconnect = {
        delay_ms = 1, max_delay_ms = 2, stable_ms = 3, max_attempts = 4, no_jitter = false, keep_bytes = 5,
      } }))
      ws:close()
    end)
  end)
end)
