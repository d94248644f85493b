--- plugin.websockets, one sentence for each promise of its documentation and of ours.

local WebSockets = require("plugin.websockets")
local core = require("uvws.core")
local support = require("support")

local unpack = table.unpack or unpack

local uri, talk, echo, listen = support.uri, support.talk, support.echo, support.listen

local REFUSED = uri("REFUSED")
local EBUSY, EURI, EOPTION, ENOTOPEN, ECLOSECODE = -20002, -20003, -20004, -20001, -20006

--- The loop lives on behind every test: an echo still works, and no error went unheard.
local unheard
before_each(function()
  unheard = {}
  WebSockets.setErrorHandler(function(message) unheard[#unheard + 1] = message end)
end)
after_each(function()
  WebSockets.setErrorHandler(nil)
  assert.same({}, unheard)
  assert.is_false(core.is_alive())
end)

local function disconnect(ws) ws:disconnect() end

local function raises(pattern, fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  assert.matches(pattern, message)
end

local function refused(code, pattern, ...)
  local ok, message, number = ...
  assert.is_nil(ok)
  assert.equal(code, number)
  assert.matches(pattern, message)
end

describe("the constants", function()
  local values = {
    WSEVENT = "WsEvent0", ONOPEN = "OnOpen0", ONMESSAGE = "OnMessage0", ONCLOSE = "OnClose0", ONERROR = "OnError0",
    TLS_1_0 = "TLS_V1", TLS_1_1 = "TLS_V1_1", TLS_1_2 = "TLS_V1_2", TLS_1_3 = "TLS_V1_3",
    TEXT = "text", BINARY = "binary", OFF = 0, LOW = 33, MEDIUM = 66, HIGH = 1000, P7 = "7", P8 = "8", P13 = "13",
  }

  it("have the plugin's values, on the client and on the module", function()
    local ws = WebSockets.new()
    for name, value in pairs(values) do
      assert.equal(value, ws[name])
      assert.equal(value, WebSockets[name])
    end
  end)

  it("come with a version", function()
    assert.matches("^%d+%.%d+%.%d+$", WebSockets._VERSION)
    assert.equal(WebSockets._VERSION, WebSockets.new():getVersion())
  end)
end)

describe("the event table", function()
  it("of an open has name, type and target", function()
    local events, ws = talk(uri("PLAIN"), nil, { open = disconnect })
    assert.same({ name = "WsEvent0", type = "OnOpen0", target = ws }, events.open)
  end)

  it("of a text message has data, isBinary and, when it is read, message", function()
    local events = select(2, echo(uri("PLAIN"), nil, 1, function(ws) ws:send("Grüße") end))
    local event = events.message
    assert.equal("WsEvent0", event.name)
    assert.equal("Grüße", event.data)
    assert.is_false(event.isBinary)
    assert.is_nil(rawget(event, "message"))
    assert.same({ data = "Grüße", type = "text" }, event.message)
    assert.equal(event.message, rawget(event, "message"))
    assert.is_nil(event.code)
  end)

  it("of a binary message says so, and keeps every byte", function()
    local events = select(2, echo(uri("PLAIN"), nil, 1, function(ws) ws:send("\0\255\0", ws.BINARY) end))
    assert.equal("\0\255\0", events.message.data)
    assert.is_true(events.message.isBinary)
    assert.equal("binary", events.message.message.type)
  end)

  it("of a close has code and reason", function()
    local events, ws = talk(uri("PLAIN", "close/4000/bye"))
    assert.same(
      { name = "WsEvent0", type = "OnClose0", code = 4000, reason = "bye", wasClean = true, target = ws },
      events.close
    )
  end)

  it("is a fresh one each time", function()
    local events = select(2, echo(uri("PLAIN"), nil, 2, function(ws)
      ws:send("a")
      ws:send("b")
    end))
    assert.equal("a", events[2].data)
    assert.equal("b", events[3].data)
  end)
end)

describe("listeners", function()
  --- One connection on which each listener appends its letter at every event; returns what they appended at open.
  local function at_open(prepare)
    local ws = WebSockets.new()
    local heard = ""
    local function letter(name)
      return function(event)
        if event.type == ws.ONOPEN then heard = heard .. name end
      end
    end
    prepare(ws, letter)
    listen(ws, { open = disconnect })
    assert.is_true(ws:connect(uri("PLAIN")))
    support.run()
    return heard
  end

  it("hear in the order in which they were added", function()
    assert.equal("abc", at_open(function(ws, letter)
      for name in ("abc"):gmatch(".") do
        assert.is_true(ws:addEventListener(ws.WSEVENT, letter(name)))
      end
    end))
  end)

  it("may be tables with a method of the event's name", function()
    local listener = { heard = 0 }
    listener.WsEvent0 = function(self, event)
      assert(self == listener and event.name == "WsEvent0")
      self.heard = self.heard + 1
    end
    at_open(function(ws) ws:addEventListener(ws.WSEVENT, listener) end)
    assert.equal(2, listener.heard)
  end)

  it("hear twice what they were added for twice", function()
    assert.equal("aa", at_open(function(ws, letter)
      local a = letter("a")
      ws:addEventListener(ws.WSEVENT, a)
      ws:addEventListener(ws.WSEVENT, a)
    end))
  end)

  it("are removed once for each remove, which returns true or nil", function()
    assert.equal("a", at_open(function(ws, letter)
      local a = letter("a")
      ws:addEventListener(ws.WSEVENT, a)
      ws:addEventListener(ws.WSEVENT, a)
      assert.is_true(ws:removeEventListener(ws.WSEVENT, a))
      assert.is_nil(ws:removeEventListener(ws.WSEVENT, letter("b")))
    end))
  end)

  it("are skipped when they are removed during the dispatch", function()
    assert.equal("ac", at_open(function(ws, letter)
      local b = letter("b")
      ws:addEventListener(ws.WSEVENT, letter("a"))
      ws:addEventListener(ws.WSEVENT, function() ws:removeEventListener(ws.WSEVENT, b) end)
      ws:addEventListener(ws.WSEVENT, b)
      ws:addEventListener(ws.WSEVENT, letter("c"))
    end))
  end)

  it("may remove themselves", function()
    assert.equal("ab", at_open(function(ws, letter)
      local a = letter("a")
      local function once(event)
        a(event)
        assert.is_true(ws:removeEventListener(ws.WSEVENT, once))
      end
      ws:addEventListener(ws.WSEVENT, once)
      ws:addEventListener(ws.WSEVENT, letter("b"))
    end))
  end)

  it("wait for the next event when they are added during the dispatch", function()
    local heard = {}
    at_open(function(ws)
      ws:addEventListener(ws.WSEVENT, function(event)
        if event.type ~= ws.ONOPEN then return end
        ws:addEventListener(ws.WSEVENT, function(later) heard[#heard + 1] = later.type end)
      end)
    end)
    assert.same({ "OnClose0" }, heard)
  end)

  it("need an event name that is WSEVENT, which an error names", function()
    local ws = WebSockets.new()
    raises("bad argument #1 to 'addEventListener' %(event must be WSEVENT, got \"OnOpen0\"%)", function()
      ws:addEventListener(ws.ONOPEN, print)
    end)
    raises("removeEventListener.*WSEVENT, got nil", function() ws:removeEventListener(nil, print) end)
  end)

  it("are functions or tables, else an error names the argument", function()
    local ws = WebSockets.new()
    raises("plugin_spec.*bad argument #2 to 'addEventListener' %(handler must be a function or a table, got string%)",
      function() ws:addEventListener(ws.WSEVENT, "print") end)
    raises("bad self", function() WebSockets.new().addEventListener({}, "WsEvent0", print) end)
  end)

  it("of one client hear nothing of another", function()
    local one, other = WebSockets.new(), WebSockets.new()
    local heard_one = listen(one, { open = disconnect })
    local heard_other = listen(other, { message = disconnect })
    assert.is_true(one:connect(uri("PLAIN")))
    assert.is_true(other:connect(uri("PLAIN", "first")))
    support.run()
    assert.equal("open close", heard_one.order)
    assert.equal("open message close", heard_other.order)
  end)

  it("that raise stop neither the others nor the loop, and the error comes with its traceback", function()
    local ws = WebSockets.new()
    ws:addEventListener(ws.WSEVENT, function(event)
      if event.type == ws.ONOPEN then error("oh no") end
    end)
    ws:addEventListener(ws.WSEVENT, { WsEvent0 = false })
    local events = listen(ws, { open = disconnect })
    assert.is_true(ws:connect(uri("PLAIN")))
    support.run()
    assert.equal("open close", events.order)
    assert.equal(3, #unheard)
    assert.matches("plugin_spec.lua:%d+: oh no\nstack traceback:\n.*plugin_spec.lua", unheard[1])
    assert.matches("attempt to call", unheard[2])
    unheard = {}
  end)

  it("that raise go to standard error when there is no handler, or when it fails too", function()
    local script = [[
      local WebSockets = require("plugin.websockets")
      if arg[2] then WebSockets.setErrorHandler(function() error("handler") end) end
      local ws = WebSockets.new()
      ws:addEventListener(ws.WSEVENT, function() error("listener " .. tostring(arg[2])) end)
      assert(ws:connect(arg[1]))
      WebSockets.run()
      io.stderr:write("the end\n")
    ]]
    local printed, status = support.run_lua(script, REFUSED)
    assert.matches("listener nil\nstack traceback:.*listener nil\nstack traceback:.*the end\n$", printed)
    assert.equal(0, status)
    printed = support.run_lua(script, REFUSED, "x")
    assert.matches("listener x\nstack traceback:.*handler.*the end\n$", printed)
  end)

  it("may raise what is no string", function()
    local ws = WebSockets.new()
    local thing = {}
    ws:addEventListener(ws.WSEVENT, function(event)
      if event.type == ws.ONCLOSE then error(thing) end
      error(setmetatable({}, { __tostring = function() return "told" end }))
    end)
    assert.is_true(ws:connect(REFUSED))
    support.run()
    assert.matches("^told\nstack traceback", unheard[1])
    assert.equal(thing, unheard[2])
    unheard = {}
  end)

  it("cannot yield, which is an error as any", function()
    local ws = WebSockets.new()
    ws:addEventListener(ws.WSEVENT, function(event)
      if event.type == ws.ONCLOSE then coroutine.yield() end
    end)
    assert.is_true(ws:connect(REFUSED))
    support.run()
    assert.equal(1, #unheard)
    unheard = {}
  end)
end)

describe("connect", function()
  it("takes the port from the URI", function()
    assert.equal("open close", talk(uri("PLAIN"), nil, { open = disconnect }).order)
  end)

  it("takes the port from the options before the URI", function()
    local events = talk("ws://127.0.0.1:1/echo", { port = support.port("PLAIN") }, { open = disconnect })
    assert.equal("open close", events.order)
    events = talk("ws://127.0.0.1/echo", { port = support.port("PLAIN") }, { open = disconnect })
    assert.equal("open close", events.order)
  end)

  it("does not change the options table", function()
    local headers = { ["X-A"] = "b" }
    local options = setmetatable({ port = support.port("PLAIN"), headers = headers, protocols = { "any" } }, {
      __newindex = function() error("written to") end,
    })
    talk("ws://127.0.0.1/echo", options, { open = disconnect })
    assert.same({ port = support.port("PLAIN"), headers = headers, protocols = { "any" } }, options)
    assert.same({ ["X-A"] = "b" }, headers)
  end)

  it("sends no subprotocol by default, and otherwise what protocols says", function()
    local function asked_for(protocols)
      local head = talk(uri("PLAIN", "head"), { protocols = protocols }, { message = disconnect }).message.data
      return head:match("Sec%-WebSocket%-Protocol: ([^\n]*)")
    end
    assert.is_nil(asked_for(nil))
    assert.is_nil(asked_for({}))
    assert.equal("chat", asked_for("chat"))
    assert.equal("chat, superchat", asked_for({ "chat", "superchat" }))
  end)

  it("knows the subprotocol that the server chose", function()
    local chosen
    talk(uri("PLAIN", "protocol/superchat"), { protocols = { "chat", "superchat" } }, {
      open = function(ws)
        chosen = core.protocol(ws)
        ws:disconnect()
      end,
    })
    assert.equal("superchat", chosen)
  end)

  it("fails when the server answers with a subprotocol that was not offered", function()
    local events = talk(uri("PLAIN", "protocol/other"), { protocols = "chat" })
    assert.equal("error close", events.order)
    assert.equal("UVWS_EHANDSHAKE", events.error.error)
  end)

  it("sends the headers of a table, and of a list in its order, and the origin", function()
    local function sent(options)
      return talk(uri("PLAIN", "head"), options, { message = disconnect }).message.data .. "\n"
    end
    assert.matches("X%-One: 1\n", sent({ headers = { ["X-One"] = "1" } }))
    local list = { { "X-A", "1" }, { "X-B", "2" }, { "X-A", "3" } }
    assert.matches("X%-A: 1\nX%-B: 2\nX%-A: 3\n", sent({ headers = list }))
    assert.matches("Origin: https://example.org\n", sent({ origin = "https://example.org" }))
  end)

  it("reports a refused port as an error, then a close", function()
    local events = talk(REFUSED)
    assert.equal("error close", events.order)
    assert.equal("ECONNREFUSED", events.error.error)
    assert.equal("ECONNREFUSED", core.error_name(events.error.code))
    assert.matches("refused", events.error.reason)
    assert.is_nil(events.error.status)
    assert.equal(1006, events.close.code)
    assert.is_false(events.close.wasClean)
  end)

  it("reports an unknown host as an error, then a close", function()
    local events = talk("ws://nobody.invalid/")
    assert.equal("error close", events.order)
    assert.matches("^EAI_", events.error.error)
  end)

  it("reports an HTTP answer with status, headers and body", function()
    local events = talk(uri("PLAIN", "refuse/401"))
    assert.equal("error close", events.order)
    local event = events.error
    assert.equal("UVWS_EHTTP_STATUS", event.error)
    assert.equal(401, event.status)
    assert.equal("go away\n", event.body)
    assert.equal("Basic", event.headers["www-authenticate"])
    assert.equal("one", event.headers["x-twice"])
    local twice = {}
    for _, pair in ipairs(event.headers) do
      if pair[1] == "X-Twice" then twice[#twice + 1] = pair[2] end
    end
    assert.same({ "one", "two" }, twice)
  end)

  it("reports a server that speaks no HTTP", function()
    local events = talk(uri("GARBAGE"))
    assert.equal("error close", events.order)
    assert.equal("UVWS_EHTTP", events.error.error)
  end)

  it("reports a handshake that takes too long", function()
    local events = talk(uri("SILENT"), { handshake_timeout_ms = 20 })
    assert.equal("error close", events.order)
    assert.equal("UVWS_EHANDSHAKE_TIMEOUT", events.error.error)
  end)

  it("again after the close works, from inside the listener too", function()
    local times = 0
    local ws = WebSockets.new()
    local events = listen(ws, {
      open = disconnect,
      close = function()
        times = times + 1
        if times < 3 then assert(ws:connect(uri("PLAIN"))) end
      end,
    })
    assert.is_true(ws:connect(uri("PLAIN")))
    support.run()
    assert.equal("open close open close open close", events.order)
    assert.is_true(ws:connect(uri("PLAIN")))
    support.run()
    assert.equal("open close open close open close open close", events.order)
  end)

  it("again while connecting, open or closing is refused", function()
    local ws = WebSockets.new()
    local answers = {}
    local function try() answers[#answers + 1] = { ws:connect(uri("PLAIN")) } end
    local events = listen(ws, {
      open = function()
        try()
        ws:disconnect()
        try()
      end,
    })
    assert.is_true(ws:connect(uri("PLAIN")))
    try()
    support.run()
    assert.equal(3, #answers)
    for _, answer in ipairs(answers) do
      refused(EBUSY, "connected or connecting", answer[1], answer[2], answer[3])
    end
    assert.equal("open close", events.order)
  end)
end)

describe("over TLS", function()
  local trusting = { ca_file = support.ca_file }

  it("the chain is verified, against ca_file when it is given", function()
    local events = talk(uri("TLS", "tls"))
    assert.equal("error close", events.order)
    assert.matches("^UVWS_ECERT", events.error.error)
    assert.equal("open message close", talk(uri("TLS", "tls"), trusting, { message = disconnect }).order)
  end)

  it("insecure_skip_verify is the way out", function()
    local events = talk(uri("TLS", "tls"), { insecure_skip_verify = true }, { message = disconnect })
    assert.equal("open message close", events.order)
  end)

  it("the host name is verified, and server_name is asked for", function()
    local events = talk(uri("TLS", "tls"), { ca_file = support.ca_file, server_name = "example.org" })
    assert.equal("UVWS_ECERT_HOSTNAME", events.error.error)
    events = talk(uri("TLS", "tls"), { ca_file = support.ca_file, server_name = "localhost" }, { message = disconnect })
    assert.matches(" localhost$", events.message.data)
  end)

  it("the version is 1.2 or newer by default", function()
    assert.matches("^TLSv1.3", talk(uri("TLS", "tls"), trusting, { message = disconnect }).message.data)
    assert.matches("^TLSv1.2", talk(uri("TLS_1_2", "tls"), trusting, { message = disconnect }).message.data)
    for _, old in ipairs({ "TLS_1_0", "TLS_1_1" }) do
      local events = talk(uri(old, "tls"), trusting)
      assert.equal("error close", events.order)
      assert.matches("^UVWS_ETLS", events.error.error) -- the peer closes without the alert that would say more
    end
  end)

  it("the version is exactly what tls says", function()
    local versions = { TLS_1_0 = "TLSv1", TLS_1_1 = "TLSv1.1", TLS_1_2 = "TLSv1.2", TLS_1_3 = "TLSv1.3" }
    for name, spoken in pairs(versions) do
      local options = { ca_file = support.ca_file, tls = WebSockets[name] }
      local events = talk(uri(name, "tls"), options, { message = disconnect })
      assert.equal("open message close", events.order)
      assert.equal(spoken, events.message.data:match("%S+"))
      for other in pairs(versions) do
        if other ~= name then assert.equal("error close", talk(uri(other, "tls"), options).order) end
      end
    end
  end)

  it("a server that does not answer holds up nobody else", function()
    local stuck, other = WebSockets.new(), WebSockets.new()
    local stuck_events = listen(stuck)
    local other_events = listen(other, {
      open = function(ws) ws:send("hello") end,
      message = disconnect,
      close = function() stuck:disconnect() end,
    })
    assert.is_true(stuck:connect(("wss://127.0.0.1:%d/"):format(support.port("SILENT"))))
    assert.is_true(other:connect(uri("TLS"), trusting))
    support.run()
    assert.equal("open message close", other_events.order)
    assert.equal("close", stuck_events.order)
  end)
end)

describe("send", function()
  it("before the connection is open waits in order", function()
    local ws = WebSockets.new()
    local received = {}
    local events = listen(ws, {
      open = function() assert(ws:send("3")) end,
      message = function(_, event)
        received[#received + 1] = event.data
        if #received == 4 then ws:disconnect() end
      end,
    })
    assert.is_true(ws:send("0"))
    assert.is_true(ws:connect(uri("PLAIN")))
    assert.is_true(ws:send("1"))
    assert.is_true(ws:send("2", ws.BINARY))
    support.run()
    assert.same({ "0", "1", "2", "3" }, received)
    assert.equal("open message message message message close", events.order)
  end)

  it("returns true, and after the close nil, a message and a code", function()
    local ws = WebSockets.new()
    local inside
    listen(ws, {
      open = function()
        assert.is_true(ws:send("x"))
        ws:disconnect()
        inside = { ws:send("y") }
      end,
    })
    assert.is_true(ws:connect(uri("PLAIN")))
    support.run()
    refused(ENOTOPEN, "not open", unpack(inside))
    refused(ENOTOPEN, "not open", ws:send("z"))
    refused(ENOTOPEN, "not open", ws:send("z", ws.BINARY))
  end)

  it("takes any size, in order and whole", function()
    local large = ("0123456789abcdef"):rep(5 * 65536)
    local received = echo(uri("PLAIN"), nil, 3, function(ws)
      ws:send(large, ws.BINARY)
      ws:send("")
      ws:send(large .. "x")
    end)
    assert.equal(large, received[1])
    assert.equal("", received[2])
    assert.is_true(received[3] == large .. "x")
  end)

  it("takes a string, and raises for anything else", function()
    local ws = WebSockets.new()
    raises("plugin_spec.lua:%d+: bad argument #1 to 'send' %(data must be a string, got n", function() ws:send() end)
    raises("data must be a string, got number", function() ws:send(5) end)
    raises("bad argument #2 to 'send' %(kind must be \"text\" or \"binary\"%)", function() ws:send("x", "other") end)
    raises("kind must be a string, got number", function() ws:send("x", 1) end)
    raises("WebSocket client expected, got string", function() ws.send("x") end)
    raises("WebSocket client expected, got table", function() ws.send({}, "x") end)
    raises("WebSocket client expected", function() ws.send({ io.stdout }, "x") end)
  end)

  it("is the same when LuaJIT has compiled it", function()
    local ws = WebSockets.new()
    local received = 0
    local answers = {}
    local function try(...) answers[#answers + 1] = { pcall(ws.send, ...) } end
    local function use_all()
      answers = {}
      try(ws, "text")
      try(ws, "binary", ws.BINARY)
      try(ws, "plain", "text", "plain")
      try(ws, "x", "other")
      try(ws, 5)
      try({ io.stdout }, "x")
      try({ io.stderr }, "x")
      try(io.stdout, "x")
      return answers
    end
    listen(ws, {
      open = function()
        local first = use_all()
        for _ = 1, 200 do
          assert.same(first, use_all())
        end
        assert.is_true(first[1][2] and first[2][2] and first[3][2])
        for i = 4, 8 do
          assert.is_false(first[i][1])
        end
      end,
      message = function()
        received = received + 1
        if received == 603 then ws:disconnect() end
      end,
    })
    assert.is_true(ws:connect(uri("PLAIN")))
    support.run()
    assert.equal(603, received)
    for _ = 1, 200 do
      local ok, message, code = ws:send("x")
      assert.is_nil(ok)
      assert.is_string(message)
      assert.equal(ENOTOPEN, code)
    end
  end)

  it("says to who goes on sending that it is enough for now, compiled or not", function()
    local marks = {}
    talk(uri("PLAIN"), { high_water_mark = 1000 }, {
      open = function(ws)
        for i = 1, 200 do
          local ok, is_full = ws:send("0123456789")
          assert(ok)
          marks[i] = is_full or false
        end
        ws:disconnect()
      end,
    })
    assert.is_false(marks[50])
    assert.is_true(marks[100])
    assert.is_true(marks[200])
  end)
end)

describe("a message", function()
  it("that comes right behind the handshake is delivered", function()
    local events = talk(uri("PLAIN", "first"), nil, { message = disconnect })
    assert.equal("open message close", events.order)
    assert.equal("welcome", events.message.data)
  end)

  it("is delivered as soon as it is there", function()
    local count = 0
    local began = os.time()
    talk(uri("PLAIN"), nil, {
      open = function(ws) ws:send("x") end,
      message = function(ws)
        count = count + 1
        if count == 500 then ws:disconnect() else ws:send("x") end
      end,
    })
    assert.equal(500, count)
    -- A host that looked once a frame, every 33 ms, would need 16 s.
    assert.is_true(os.time() - began < 12)
  end)

  it("that is missed for idle_timeout_ms ends the connection", function()
    local events = talk(uri("PLAIN"), { idle_timeout_ms = 20 })
    assert.equal("open error close", events.order)
    assert.equal("UVWS_EIDLE_TIMEOUT", events.error.error)
    assert.equal(1001, events.close.code)
  end)

  it("larger than max_message_size ends the connection", function()
    local events = talk(uri("PLAIN"), { max_message_size = 10 }, { open = function(ws) ws:send("12345678901") end })
    assert.equal("open error close", events.order)
    assert.equal("UVWS_EMESSAGE_TOO_BIG", events.error.error)
  end)
end)

describe("disconnect", function()
  it("sends 1000, or the code and reason that are given", function()
    local function echoed(...)
      local words = { ... }
      return talk(uri("PLAIN"), nil, { open = function(ws) assert.is_true(ws:disconnect(unpack(words))) end }).close
    end
    assert.equal(1000, echoed().code)
    assert.equal(4001, echoed(4001).code)
    local close = echoed(3000, "genug, danke schön")
    assert.equal(3000, close.code)
    assert.equal("genug, danke schön", close.reason)
    assert.is_true(close.wasClean)
  end)

  it("has a deadline", function()
    local events = talk(uri("NO_CLOSE"), { close_timeout_ms = 20 }, { open = disconnect })
    assert.equal("open", events.order:match("^%a+"))
    assert.equal(1006, events.close.code)
    assert.is_false(events.close.wasClean)
  end)

  it("during connect cancels, with a close and no error", function()
    local ws = WebSockets.new()
    local events = listen(ws)
    assert.is_true(ws:connect(uri("SILENT")))
    assert.is_true(ws:disconnect())
    support.run()
    assert.equal("close", events.order)
  end)

  it("before connect, a second time and after the close does nothing", function()
    local ws = WebSockets.new()
    local events = listen(ws, {
      open = function()
        assert.is_true(ws:disconnect())
        assert.is_true(ws:disconnect())
      end,
      close = function() assert.is_true(ws:disconnect()) end,
    })
    assert.is_true(ws:disconnect())
    assert.is_true(ws:connect(uri("PLAIN")))
    support.run()
    assert.is_true(ws:disconnect())
    support.run()
    assert.equal("open close", events.order)
  end)

  it("refuses codes and reasons that no Close may carry", function()
    local ws = WebSockets.new()
    for _, code in ipairs({ 1, 999, 1004, 1005, 1006, 1015, 2999, 5000, -1, 1000.5, 1e10, 0 / 0 }) do
      refused(ECLOSECODE, ".", ws:disconnect(code))
    end
    refused(ECLOSECODE, "123", ws:disconnect(1000, ("x"):rep(124)))
    refused(ECLOSECODE, "UTF%-8", ws:disconnect(1000, "\255"))
  end)

  it("takes a number and a string, and raises for anything else", function()
    local ws = WebSockets.new()
    raises("bad argument #1 to 'disconnect' %(code must be a number, got string%)", function()
      ws:disconnect("1000")
    end)
    raises("bad argument #2 to 'disconnect' %(reason must be a string, got boolean%)", function()
      ws:disconnect(1000, true)
    end)
  end)
end)

describe("a close", function()
  it("by the server arrives with the code and the reason that were sent", function()
    local codes = { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4000, 4999 }
    for _, code in ipairs(codes) do
      local events = talk(uri("PLAIN", ("close/%d/why%%20not"):format(code)))
      assert.equal("open close", events.order)
      assert.equal(code, events.close.code)
      assert.equal("why not", events.close.reason)
    end
  end)

  it("without a word from the server is an error, then 1006 with a reason in words", function()
    local events = talk(uri("PLAIN", "drop"))
    assert.equal("open error close", events.order)
    assert.equal("string", type(events.error.reason))
    assert.equal(1006, events.close.code)
    assert.matches("%a%a", events.close.reason)
  end)

  it("comes once and last for every connect that returned true", function()
    for _, address in ipairs({
      uri("PLAIN", "close/1000"), uri("PLAIN", "drop"), uri("PLAIN", "refuse/503"), uri("TLS"), uri("GARBAGE"), REFUSED,
    }) do
      talk(address) -- which checks the order
    end
  end)
end)

describe("misuse", function()
  it("of connect's arguments raises and names the argument", function()
    local ws = WebSockets.new()
    -- Lua 5.4 cannot say of a tail call who called, nor that it was a method.
    local first, second = "plugin_spec.lua:%d+: bad argument #1 to 'connect' %(", "bad argument #2 to 'connect' %("
    if not jit then
      first, second = "bad argument #2 to 'connect' %(", "bad argument #3 to 'connect' %("
    end
    raises(first .. "uri must be a string, got no value%)", function() ws:connect() end)
    raises("uri must be a string, got number", function() ws:connect(5) end)
    raises(second .. "options must be a table, got string%)", function() ws:connect(uri("PLAIN"), "x") end)
    raises("WebSocket client expected, got no value", function() ws.connect() end)
    raises("bad argument #1 to 'setErrorHandler' %(function expected, got string%)", function()
      WebSockets.setErrorHandler("x")
    end)
  end)

  it("with a bad URI returns nil, a message and a code, and nothing is heard", function()
    local ws = WebSockets.new()
    local events = listen(ws)
    for _, bad in ipairs({
      "", "x", "http://example.org/", "ws://", "ws:///path", "//example.org/", "ws://example.org/#part",
      "ws://example.org:99999/", "ws://example.org:x/", "ws://exa mple.org/", "ws://example.org/\r\nX: y",
      "ws://example.org/\0", "ws://[::1", "ws://example.org/%zz", "ws:example.org",
    }) do
      refused(EURI, "%a", ws:connect(bad))
    end
    support.run()
    assert.equal("", events.order)
  end)

  it("with an unknown option is refused, and the option is named", function()
    local ws = WebSockets.new()
    refused(EOPTION, "unknown option 'ca_fil'", ws:connect(uri("PLAIN"), { ca_fil = "x" }))
    refused(EOPTION, "unknown option", ws:connect(uri("PLAIN"), { "x" }))
  end)

  it("with an option's value is refused, and the option is named", function()
    local ws = WebSockets.new()
    local bad = {
      port = { "80", 0, 65536, 80.5, -1, 0 / 0, true, {} },
      connect_timeout_ms = { "1", 0, -1, 0.5, 2 ^ 32, -math.huge },
      handshake_timeout_ms = { "1" },
      close_timeout_ms = { false },
      max_message_size = { "1", 0, 1.5, 1e300 },
      max_fragments = { "1" },
      max_head_size = { {} },
      headers = {
        "X: y", { 5 }, { ["X-A"] = 5 }, { { "X-A" } }, { { "X-A", 5 } }, { [true] = "x" }, { ["X-A"] = "a\0b" },
      },
      protocols = { 5, { 5 }, { "a", {} }, "a\0b", true },
      origin = { 5, "a\0b" },
      tls = { "TLS_1_2", 12, "TLS_V1_2\0" },
      tls_min = { "x" },
      tls_max = { "x" },
      ca_file = { 5 }, ca_path = { 5 }, cert_file = { 5 }, key_file = { 5 }, server_name = { 5 },
      ca_pem = { 5, "a\0b" }, cert_pem = { 5 }, key_pem = { 5 }, pkcs12_file = { 5 }, key_password = { 5, "a\0b" },
      ciphers = { 5 }, ciphersuites = { 5 }, alpn = { {} }, pinned_public_key = { 5 }, crl_file = { 5 },
      require_ocsp_staple = { 1 }, no_session_resumption = { "yes" }, keylog_file = { 5 }, keylog_from_env = { 1 },
      insecure_skip_verify = { 1, "true", "false", 0 },
      compression = { 1, "true" },
      high_water_mark = { "1" }, low_water_mark = { 0 }, max_buffered = { -1 },
      socket_path = { 5, "a\0b" }, local_address = { 5 }, tcp_keepalive_s = { "1", 0, -1 },
      attempt_timeout_ms = { "1" }, proxy = { 5 }, proxy_ca_file = { 5 }, proxy_from_env = { 1 },
      max_redirects = { 0, "1", 1.5 }, bearer_token = { 5 }, proxy_headers = { "X: y", { 5 }, { ["X-A"] = 5 } },
      protocol = { 13, { 5 } },
    }
    for name, values in pairs(bad) do
      for _, value in ipairs(values) do
        refused(EOPTION, "'" .. name .. "'", ws:connect(uri("PLAIN"), { [name] = value }))
      end
    end
  end)

  it("with the way to the server is refused, and the option is named", function()
    local ws = WebSockets.new()
    local bad = {
      socket_path = "", local_address = "localhost", proxy = "ftp://x", bearer_token = "a b",
      proxy_headers = { Host = "x" },
    }
    for name, value in pairs(bad) do
      refused(EOPTION, "^" .. name .. ": ", ws:connect(uri("PLAIN"), { [name] = value }))
    end
  end)

  it("with a parameter of compression is refused, and the parameter is named", function()
    local ws = WebSockets.new()
    refused(EOPTION, "unknown option 'compression.leve'", ws:connect(uri("PLAIN"), { compression = { leve = 1 } }))
    local bad = {
      level = { 0, 10, "6" }, memory_level = { 0, 10, 1.5 }, threshold = { "1" },
      client_max_window_bits = { 7, 16, true }, server_max_window_bits = { 7, 16 },
      client_no_context_takeover = { 1 }, server_no_context_takeover = { "true" },
    }
    for name, values in pairs(bad) do
      for _, value in ipairs(values) do
        refused(EOPTION, "'compression." .. name .. "'", ws:connect(uri("PLAIN"), { compression = { [name] = value } }))
      end
    end
  end)

  it("with control characters in what is sent is refused", function()
    local ws = WebSockets.new()
    for _, options in ipairs({
      { headers = { ["X-A"] = "b\r\nX-C: d" } }, { headers = { ["X-A\r\n"] = "b" } }, { origin = "a\r\nb" },
      { protocols = "a\r\nb" }, { headers = { ["Sec-WebSocket-Key"] = "x" } }, { headers = { [""] = "x" } },
    }) do
      refused(EOPTION, ".", ws:connect(uri("PLAIN"), options))
    end
  end)
end)

describe("options", function()
  it("are all accepted under their names", function()
    local events = talk(uri("TLS"), {
      port = support.port("TLS"), headers = { A = "b" }, protocols = { "any" }, origin = "https://example.org",
      ping_interval_ms = 10000, pong_timeout_ms = 10000, idle_timeout_ms = math.huge,
      connect_timeout_ms = 10000, handshake_timeout_ms = math.huge, close_timeout_ms = 5000,
      max_message_size = math.huge, max_fragments = 100, max_head_size = 65536, compression = true,
      high_water_mark = 2 ^ 20, low_water_mark = 2 ^ 18, max_buffered = math.huge,
      tls_min = WebSockets.TLS_1_2, tls_max = WebSockets.TLS_1_3, ca_file = support.ca_file,
      server_name = "localhost", insecure_skip_verify = false, ciphers = "ECDHE+AESGCM",
      ciphersuites = "TLS_AES_256_GCM_SHA384", alpn = "http/1.1", require_ocsp_staple = false,
      no_session_resumption = true, keylog_from_env = false,
      local_address = "127.0.0.1", tcp_keepalive_s = 60, attempt_timeout_ms = 5000, proxy_from_env = false,
      proxy_headers = { A = "b" }, max_redirects = 5, bearer_token = "abc",
    }, { open = disconnect })
    assert.equal("open close", events.order)
  end)

  it("of the plugin's that mean nothing are accepted", function()
    local head = talk(uri("PLAIN", "head"), { throttle = WebSockets.MEDIUM, protocol = WebSockets.P13 }, {
      message = disconnect,
    }).message.data
    assert.is_nil(head:match("Sec%-WebSocket%-Protocol"))
    head = talk(uri("PLAIN", "head"), { protocol = "chat" }, { message = disconnect }).message.data
    assert.matches("Sec%-WebSocket%-Protocol: chat", head)
    refused(EOPTION, "'protocol'", WebSockets.new():connect(uri("PLAIN"), { protocol = "a", protocols = "b" }))
  end)

  it("take compression as true, false or a table of parameters", function()
    local function offered(compression)
      local options = { compression = compression }
      local head = talk(uri("PLAIN", "head"), options, { message = disconnect }).message.data
      return head:match("Sec%-WebSocket%-Extensions: ([^\n]*)")
    end
    assert.matches("^permessage%-deflate", offered(nil))
    assert.equal(offered(nil), offered(true))
    assert.is_nil(offered(false))
    local all = offered({
      level = 1, memory_level = 9, threshold = 1, client_max_window_bits = 10, server_max_window_bits = 9,
      client_no_context_takeover = true, server_no_context_takeover = true,
    })
    assert.matches("client_max_window_bits=10", all)
    assert.matches("server_max_window_bits=9", all)
    assert.matches("server_no_context_takeover", all)
  end)
end)
