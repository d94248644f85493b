--- What the library asks in the middle of its work (reconnect.should_retry, reconnect.before_attempt, on_verify), and
--- what it traces.

local WebSockets = require("plugin.websockets")
local core = require("uvws.core")
local support = require("support")
local uvws = require("uvws")

local uri = support.uri

local heard -- by the error handler
before_each(function()
  heard = {}
  uvws.set_error_handler(function(message) heard[#heard + 1] = tostring(message) end)
end)
after_each(function()
  uvws.set_error_handler(nil)
  uvws.trace("off")
  assert.is_false(core.is_alive())
end)

local function run(fn)
  assert.equal("ended", uvws.run(function()
    fn()
    return "ended"
  end))
end

--- Connect, and go on reconnecting as `how` says, to the end: the results of the last receive, and the client.
local function follow(path, how)
  how.delay_ms, how.no_jitter = 1, true
  local why, code, client
  run(function()
    local ws = assert(uvws.connect(uri("PLAIN", path), { reconnect = how }))
    client = ws
    repeat
      local message
      message, why, code = ws:receive()
    until not message
  end)
  return why, code, client
end

--- The number of further attempts when the predicate answers so.
local function attempts_with(answer)
  local _, _, ws = follow("close/4000", { max_attempts = 2, should_retry = function() return answer end })
  return ws.reconnects
end

describe("should_retry", function()
  it("gets what ended, and its answer counts", function()
    local events = {}
    local _, code, ws = follow("close/4000/later", { should_retry = function(event)
      events[#events + 1] = event
      return #events < 3
    end })
    assert.equal(4000, code)
    assert.equal(2, ws.reconnects)
    for i = 1, 3 do
      assert.equal(i, events[i].attempt)
      assert.is_true(events[i].was_open)
      assert.same({ code = 4000, reason = "later", was_clean = true }, events[i].close)
      assert.is_nil(events[i].error)
      assert.equal(ws, events[i].target)
    end
    assert.same({}, heard)
  end)

  it("gets the error, with the answer of a server that refused", function()
    local event
    run(function()
      local ws, _, code = uvws.connect(uri("PLAIN", "refuse/404"), { reconnect = { should_retry = function(e)
        event = e
        return false
      end } })
      assert.is_nil(ws)
      assert.equal("UVWS_EHTTP_STATUS", uvws.error_name(code))
    end)
    assert.is_false(event.was_open)
    assert.equal("UVWS_EHTTP_STATUS", event.error.name)
    assert.equal(404, event.error.status)
    assert.equal("one", event.error.headers["x-twice"])
    assert.equal("go away\n", event.error.body)
    assert.equal(1006, event.close.code)
  end)

  it("hears how long the server asks to wait", function()
    local event
    run(function()
      assert.is_nil((uvws.connect(uri("PLAIN", "refuse/503"), { reconnect = { should_retry = function(e)
        event = e
        return false
      end } })))
    end)
    assert.equal(2000, event.retry_after_ms)
    assert.is_true(uvws.should_retry(event))
  end)

  it("answers true and false, and with nil leaves it to the library", function()
    assert.equal(2, attempts_with(true))
    assert.equal(0, attempts_with(false))
    assert.equal(0, attempts_with(nil))
    local _, _, ws = follow("close/1012", { max_attempts = 2, should_retry = function() return nil end })
    assert.equal(2, ws.reconnects)
    assert.same({}, heard)
  end)

  it("can ask for the library's own judgement", function()
    local judged = {}
    for _, path in ipairs({ "close/4000", "close/1012", "drop" }) do
      follow(path, { should_retry = function(event)
        judged[#judged + 1] = uvws.should_retry(event)
        return false
      end })
    end
    assert.same({ false, true, true }, judged)
    assert.is_true(uvws.should_retry({ error = { code = core.ETIMEDOUT } }))
    assert.is_false(pcall(uvws.should_retry, {}))
    assert.is_false(pcall(uvws.should_retry))
  end)

  it("that raises or answers nonsense means no, and the error handler hears it", function()
    local _, _, ws = follow("close/1012", { should_retry = function() error("on purpose") end })
    assert.equal(0, ws.reconnects)
    assert.matches("on purpose.*traceback", heard[1])
    assert.equal(0, attempts_with("yes"))
    assert.matches("should_retry must return true, false or nil, got string", heard[2])
    assert.equal(2, #heard)
  end)

  it("cannot wait, and an error says so", function()
    local function wait() return uvws.sleep(1) end
    local _, _, ws = follow("close/1012", { should_retry = wait })
    assert.equal(0, ws.reconnects)
    assert.matches("sleep waits: call it inside a coroutine", heard[1])
    -- Where the loop is turned in a coroutine there is one to yield from, and C is in between.
    coroutine.wrap(function() follow("close/1012", { should_retry = wait }) end)()
    assert.matches("should_retry must answer at once and cannot wait: .*yield", heard[2])
  end)

  it("may use the client: close ends it, and spawn waits behind it", function()
    local slept = false
    local _, _, ws = follow("close/1012", { should_retry = function(event)
      uvws.spawn(function() slept = uvws.sleep(1) end)
      assert(event.target:close())
      collectgarbage()
      return true
    end })
    assert.equal(0, ws.reconnects)
    assert.is_true(slept)
    assert.same({}, heard)
  end)
end)

describe("before_attempt", function()
  it("changes URI, headers and token of the attempt that comes", function()
    local heads, asked = {}, {}
    local attempt = 0
    run(function()
      local ws = assert(uvws.connect(uri("PLAIN", "close/1012"), { headers = { ["X-Old"] = "1" }, reconnect = {
        delay_ms = 1,
        no_jitter = true,
        before_attempt = function(event)
          asked[#asked + 1] = { event.attempt, event.uri }
          attempt = attempt + 1
          return {
            uri = uri("PLAIN", "head"),
            headers = { { "X-Token", "number " .. attempt } },
            bearer_token = ("t"):rep(3) .. attempt,
          }
        end,
      } }))
      heads[1] = ws:receive()
      ws:close()
    end)
    assert.same({ { 1, uri("PLAIN", "close/1012") } }, asked)
    assert.matches("X%-Token: number 1", heads[1])
    assert.matches("Authorization: Bearer ttt1", heads[1])
    assert.is_nil(heads[1]:match("X%-Old"))
    assert.same({}, heard)
  end)

  it("leaves all as it was with nil or true", function()
    for _, answer in ipairs({ true, "nil" }) do
      local count = 0
      local _, code, ws = follow("close/1012", { max_attempts = 2, before_attempt = function()
        count = count + 1
        if answer == true then return true end
      end })
      assert.equal(2, count)
      assert.equal(2, ws.reconnects)
      assert.equal(1012, code)
    end
    assert.same({}, heard)
  end)

  it("leads to where messages that were kept are sent, those in between too", function()
    run(function()
      local ws = assert(uvws.connect(uri("PLAIN", "close/1012"), { reconnect = {
        delay_ms = 1,
        keep_bytes = 1000,
        before_attempt = function(event)
          assert(event.target:send("in the hook"))
          return { uri = uri("PLAIN") }
        end,
      } }))
      ws:on_retry(function() assert(ws:send("in between")) end)
      assert.equal("in between", (ws:receive()))
      assert.equal("in the hook", (ws:receive()))
      ws:close()
    end)
    assert.same({}, heard)
  end)

  it("gives up with false", function()
    local why, code = follow("close/1012", { before_attempt = function() return false end })
    assert.equal(1006, code)
    assert.equal("closed while waiting to connect again", why)
    assert.same({}, heard)
  end)

  it("that raises or answers what connect would refuse gives up, and the error handler hears it", function()
    local answers = {
      { function() error("no token") end, "no token" },
      { function() return 5 end, "before_attempt must return a table of options, false or nil, got number" },
      { function() return { max_fragment = 5 } end, "unknown option 'max_fragment'" },
      { function() return { port = "80" } end, "bad option 'port'" },
      { function() return { uri = 5 } end, "bad option 'uri'" },
      { function() return { reconnect = true } end, "bad option 'reconnect': it was settled by connect" },
      { function() return uvws.sleep(1) end, "sleep waits" },
    }
    for i, row in ipairs(answers) do
      local _, code = follow("close/1012", { before_attempt = row[1] })
      assert.equal(1006, code)
      assert.equal(i, #heard)
      assert.is_truthy(heard[i]:find(row[2], 1, true), heard[i])
    end
  end)

  it("with a URI that is none ends with the error", function()
    local why, code = follow("close/1012", { before_attempt = function() return { uri = "http://127.0.0.1/" } end })
    assert.equal("UVWS_EURI", uvws.error_name(code))
    assert.matches("http is not ws", why)
  end)

  it("keeps what it answered until the library has copied it", function()
    local count = 0
    run(function()
      local ws = assert(uvws.connect(uri("PLAIN", "close/1012"), { reconnect = {
        delay_ms = 1,
        before_attempt = function()
          count = count + 1
          local answer = { uri = uri("PLAIN", "head"), headers = {}, protocols = {} }
          for i = 1, 20 do
            answer.headers["X-" .. i] = ("v" .. i):rep(count)
          end
          return setmetatable(answer, { __gc = true })
        end,
      } }))
      uvws.trace("frames", function() collectgarbage() end)
      assert.matches("X%-20: v20\n", ws:receive() .. "\n")
      ws:close()
    end)
    assert.same({}, heard)
  end)
end)

describe("on_verify", function()
  local function connect(options)
    local ws, message, code
    run(function()
      ws, message, code = uvws.connect(uri("TLS"), options)
      if ws then ws:close() end
    end)
    return ws, message, code and uvws.error_name(code)
  end

  it("hears the verdict and the certificates, and may accept against it", function()
    local event
    assert(connect({ on_verify = function(e)
      event = e
      return true
    end }))
    assert.is_false(event.is_good)
    assert.equal("UVWS_ECERT_UNTRUSTED", event.name)
    assert.equal(event.name, uvws.error_name(event.code))
    assert.is_string(event.message)
    assert.matches("BEGIN CERTIFICATE", event.tls.certificates[1].pem)
    assert.is_truthy(event.target)
  end)

  it("may refuse what is good", function()
    local event
    local _, message, name = connect({ ca_file = support.ca_file, on_verify = function(e)
      event = e
      return false
    end })
    assert.is_true(event.is_good)
    assert.is_nil(event.code)
    assert.equal("UVWS_ECERT", name)
    assert.matches("on_verify refused", message)
  end)

  it("leaves it to the library with nil", function()
    local function nothing() end
    assert(connect({ ca_file = support.ca_file, on_verify = nothing }))
    assert.equal("UVWS_ECERT_UNTRUSTED", select(3, connect({ on_verify = nothing })))
  end)

  it("that raises, waits or answers nonsense refuses, and the error handler hears it", function()
    local functions = {
      { function() error("on purpose") end, "on purpose" },
      { function() return "yes" end, "on_verify must return true, false or nil, got string" },
      { function() return uvws.sleep(1) end, "sleep waits" },
    }
    for i, row in ipairs(functions) do
      local _, _, name = connect({ ca_file = support.ca_file, on_verify = row[1] })
      assert.equal("UVWS_ECERT", name)
      assert.equal(i, #heard)
      assert.is_truthy(heard[i]:find(row[2], 1, true), heard[i])
    end
  end)

  it("may close the client and collect everything", function()
    local order = support.talk(uri("TLS"), { on_verify = function(event)
      event.target:disconnect()
      collectgarbage()
      return true
    end }).order
    assert.equal("close", order)
  end)

  it("is a function, and not together with insecure_skip_verify", function()
    local _, message = connect({ on_verify = true })
    assert.matches("bad option 'on_verify': a function expected, got boolean", message)
    _, message = connect({ insecure_skip_verify = true, on_verify = print })
    assert.matches("on_verify", message)
    _, message = connect({ reconnect = { should_retry = 1 } })
    assert.matches("bad option 'reconnect.should_retry': a function expected, got number", message)
  end)

  it("asks nobody when the Lua state closes meanwhile", function()
    local printed, status = support.run_lua([[
      local uvws = require("uvws")
      uvws.trace("frames")
      uvws.trace("frames", function() end)
      local function ask() print("asked") return true end
      uvws.spawn(uvws.connect, arg[1], { on_verify = ask, reconnect = { should_retry = ask, before_attempt = ask } })
      require("uvws.core").turn()
    ]], uri("TLS"))
    assert.equal("", printed)
    assert.equal(0, status)
  end)
end)

describe("on_key_password", function()
  local folder = os.tmpname()
  local key, other_key, bundle = folder .. ".key", folder .. ".key2", folder .. ".p12"
  local certs = support.ca_file:match("^(.*)/")

  setup(function()
    os.remove(folder)
    local command = ("exec 2>&1; cd '%s' && openssl pkey -in server.key -aes128 -passout pass:secret -out %s"
      .. " && cp %s %s && openssl pkcs12 -export -in server.pem -inkey server.key -passout pass:secret -out %s"):format(
      certs, key, key, other_key, bundle)
    assert.equal(0, select(2, support.execute("sh", "-c", command)))
  end)
  teardown(function()
    os.remove(key)
    os.remove(other_key)
    os.remove(bundle)
  end)

  --- Connect with the encrypted key: true, or the name of the error.
  local function try(on_key_password, options)
    options = options or { cert_file = certs .. "/server.pem", key_file = key }
    options.ca_file, options.on_key_password = support.ca_file, on_key_password
    local answer
    run(function()
      local ws, _, code = uvws.connect(uri("TLS"), options)
      answer = ws and true or uvws.error_name(code)
      if ws then ws:close() end
    end)
    return answer
  end

  it("opens an encrypted key, and a PKCS#12 file", function()
    local target
    assert.is_true(try(function(event)
      target = event.target
      return "secret"
    end))
    assert.is_table(target)
    assert.is_true(try(function() return "secret" end, { pkcs12_file = bundle }))
    assert.same({}, heard)
  end)

  it("may be wrong or have none", function()
    assert.equal("UVWS_ETLS", try(function() return "wrong" end))
    assert.equal("UVWS_ETLS", try(function() end))
    assert.same({}, heard)
  end)

  it("that raises, waits or answers nonsense has none, and the error handler hears it", function()
    local rows = {
      { function() error("on purpose") end, "on purpose" },
      { function() return 5 end, "on_key_password must return a string or nil, got number" },
      { function() return ("x"):rep(2000) end, "must return a string of at most 1024 bytes without NUL" },
      { function() return "secret\0" end, "must return a string of at most 1024 bytes without NUL" },
      { function() return uvws.sleep(1) end, "on_key_password must answer at once and cannot wait: " },
    }
    for i, row in ipairs(rows) do
      assert.equal("UVWS_ETLS", try(row[1]))
      assert.equal(i, #heard)
      assert.is_truthy(heard[i]:find(row[2], 1, true), heard[i])
    end
  end)

  local identity = { cert_file = certs .. "/server.pem", key_file = key, ca_file = support.ca_file }

  --- A client whose password function does this before it answers: events, what connect returned, what `act` did.
  local function act_when_asked(act)
    local ws = WebSockets.new()
    local events = support.listen(ws, { open = function() ws:disconnect() end })
    local did
    identity.on_key_password = function(event)
      did = { act(event.target) }
      collectgarbage()
      return "secret"
    end
    local answer = { ws:connect(uri("TLS"), identity) }
    support.run()
    assert.same({}, heard)
    return events, answer, did
  end

  it("may disconnect its client, which calls the connection off", function()
    local events, answer = act_when_asked(function(ws) return ws:disconnect() end)
    assert.equal("ECANCELED", uvws.error_name(answer[3]))
    assert.equal("", events.order)
    events, answer = act_when_asked(function() return core.close_all(function() end) end)
    assert.equal("ECANCELED", uvws.error_name(answer[3]))
    assert.equal("", events.order)
  end)

  it("may send, ask and connect others, but neither connect anew nor turn the loop", function()
    local other = WebSockets.new()
    local others = support.listen(other, { open = function(ws) ws:disconnect() end })
    local events, answer, did = act_when_asked(function(ws)
      assert(ws:send("x"))
      assert(other:connect(uri("PLAIN")))
      return core.state(ws), select(3, ws:connect(uri("PLAIN"))), (pcall(WebSockets.run))
    end)
    assert.is_true(answer[1])
    assert.equal("open close", events.order)
    assert.equal("open close", others.order)
    assert.equal("UVWS_EBUSY", uvws.error_name(did[2]))
    assert.is_false(did[3])
  end)

  it("is asked again from the loop, by a reconnection whose files changed", function()
    local count = 0
    run(function()
      local ws = assert(uvws.connect(uri("TLS", "close/1012"), {
        ca_file = support.ca_file, cert_file = certs .. "/server.pem", key_file = key,
        on_key_password = function()
          count = count + 1
          return "secret"
        end,
        reconnect = { delay_ms = 1, before_attempt = function(event)
          if event.attempt == 2 then return false end
          return { key_file = other_key }
        end },
      }))
      ws:receive()
    end)
    assert.same({}, heard)
    assert.equal(2, count)
  end)
end)

describe("trace", function()
  --- The events of one conversation.
  local function traced(level, path, options)
    local events = {}
    uvws.trace(level, function(event) events[#events + 1] = event end)
    support.talk(uri("PLAIN", path), options, {
      open = function(ws) ws:send("secret payload") end,
      message = function(ws) ws:disconnect() end,
    })
    uvws.trace("off")
    return events
  end

  it("tells as much as its level says", function()
    local function kinds(level)
      local seen = {}
      for _, event in ipairs(traced(level, "echo")) do
        seen[event.kind] = (seen[event.kind] or 0) + 1
      end
      return seen
    end
    assert.same({}, kinds("error"))
    assert.same({}, kinds("warn"))
    local info, debug, frames = kinds("info"), kinds("debug"), kinds("frames")
    assert.is_true(info.text >= 2)
    assert.is_nil(info.head_out)
    assert.is_true(debug.head_out > 4 and debug.head_in > 3)
    assert.is_nil(debug.frame_out)
    assert.same({ 2, 2 }, { frames.frame_out, frames.frame_in })
    assert.matches("HTTP status 404", traced("error", "refuse/404")[1].text)
  end)

  it("has frames in numbers, and neither payload nor credentials", function()
    local events = traced("frames", "echo", { bearer_token = "secret-token" })
    local sent
    for i, event in ipairs(events) do
      assert.is_nil(event.text:match("secret"))
      assert.is_true(i == 1 or event.time_ms >= events[i - 1].time_ms)
      if event.kind == "frame_out" and not sent then sent = event end
    end
    assert.same({ 1, true, 14, 0, "frames" }, { sent.opcode, sent.fin, sent.payload_len, sent.rsv, sent.level })
  end)

  it("comes before the callback that it leads to, with the client as its target", function()
    local order, targets = {}, {}
    uvws.trace("info", function(event)
      order[#order + 1] = event.text:match("%-> (%w+)$")
      targets[#targets + 1] = event.target or false
    end)
    local ws = WebSockets.new()
    support.listen(ws, {
      open = function()
        order[#order + 1] = "open"
        ws:disconnect()
      end,
      close = function() order[#order + 1] = "close" end,
    })
    assert.is_true(ws:connect(uri("PLAIN")))
    assert.same({}, order) -- nothing comes from inside a call
    support.run()
    -- "open" is once the state and once the event.
    assert.matches("^connecting .*upgrading open open closing .*close$", table.concat(order, " "))
    assert.equal(ws, targets[1])
  end)

  it("may do anything, also close the client that is about to hear", function()
    uvws.trace("frames", function(event)
      collectgarbage()
      if event.target then event.target:disconnect() end
    end)
    assert.equal("close", support.talk(uri("PLAIN", "first")).order)
    uvws.trace("frames", function(event)
      if event.kind == "frame_in" and event.target then event.target:disconnect() end
    end)
    assert.equal("open message close", support.talk(uri("PLAIN", "first")).order)
    assert.same({}, heard)
  end)

  it("that sends at each frame holds up nobody, and what is too much is counted", function()
    local dropped
    uvws.trace("frames", function(event)
      dropped = dropped or event.text:match("^(%d+) trace events were dropped$")
      if event.kind == "frame_in" and event.opcode == 1 and event.target then event.target:send("again") end
    end)
    local count = 0
    local ws = WebSockets.new() -- not support.talk, which collects all garbage at each message
    ws:addEventListener(ws.WSEVENT, function(event)
      if event.type == ws.ONOPEN then
        for _ = 1, 5000 do
          ws:send("x")
        end
      elseif event.type == ws.ONMESSAGE then
        count = count + 1
        if count == 6000 then ws:disconnect() end
      end
    end)
    assert.is_true(ws:connect(uri("PLAIN")))
    support.run()
    assert.equal(6000, math.min(count, 6000))
    assert.is_true(tonumber(dropped) >= 900)
  end)

  it("that raises is heard by the error handler, and the others still come", function()
    local count = 0
    uvws.trace("info", function()
      count = count + 1
      error("on purpose")
    end)
    support.talk(uri("PLAIN"), nil, { open = function(ws) ws:disconnect() end })
    assert.is_true(count >= 2)
    assert.equal(count, #heard)
    assert.matches("on purpose", heard[1])
  end)

  it("may turn itself off", function()
    local count = 0
    uvws.trace("frames", function()
      count = count + 1
      uvws.trace("off")
    end)
    support.talk(uri("PLAIN"), nil, { open = function(ws) ws:disconnect() end })
    assert.equal(1, count)
  end)

  it("may begin another connection when one ends, which run waits for", function()
    local orders = {}
    local again
    uvws.trace("info", function(event)
      if again or not event.text:find("draining") then return end
      again = WebSockets.new()
      orders = support.listen(again, { open = function(ws) ws:disconnect() end })
      assert(again:connect(uri("PLAIN")))
    end)
    support.talk(uri("PLAIN"), nil, { open = function(ws) ws:disconnect() end })
    assert.is_truthy(again)
    assert.equal("open close", orders.order)
  end)

  it("goes to standard error without a function", function()
    local printed = support.run_lua([[
      local uvws = require("uvws")
      uvws.trace("debug")
      uvws.run(function() uvws.connect(arg[1]):close() end)
    ]], uri("PLAIN"))
    assert.matches("uvws: debug: GET /echo HTTP/1.1\n", printed)
  end)

  it("refuses levels that are none", function()
    assert.is_false(pcall(uvws.trace, "loud"))
    assert.is_false(pcall(uvws.trace))
    assert.is_false(pcall(uvws.trace, "info", "fn"))
  end)
end)
