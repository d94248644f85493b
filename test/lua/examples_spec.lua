--- Each example, run against a real peer. The first ones (simple, echo, several) are in host_spec.

local support = require("support")

local uri, execute = support.uri, support.execute

local function example(name, ...)
  local printed, status = execute(support.program, "run", support.examples .. "/" .. name, ...)
  assert.equal(0, status, printed)
  return printed
end

describe("the example", function()
  it("chat.lua talks with several clients", function()
    local printed = example("chat.lua", uri("PLAIN"), "Ada", "Bob")
    assert.matches("Ada hears: Ada: hello", printed)
    assert.matches("Bob hears: Bob: how are you%?", printed)
    assert.matches("Bob is gone: Bob has said it all", printed)
    assert.matches("Ada cannot come: .*refused", example("chat.lua", uri("REFUSED"), "Ada"))
  end)

  it("jsonrpc.lua matches answers to calls, and gives up on one that does not come", function()
    local printed = example("jsonrpc.lua", uri("PLAIN", "rpc"))
    for i = 1, 5 do
      assert.matches(("%d %%+ %d =\t%d\n"):format(i, i, 2 * i), printed)
    end
    assert.matches("never:\tnil\ttimed out", printed)
  end)

  it("feed.lua comes back after its server went", function()
    local printed = example("feed.lua", uri("PLAIN", "news"), "3")
    assert.matches("news 1: .*lost %(1012 restart%), attempt 1 .*news 3: ", printed)
    assert.matches("3 connections, 3 messages", printed)
  end)

  it("load.lua counts and times", function()
    local printed = example("load.lua", uri("PLAIN"), "5", "50", "100", "4")
    assert.matches("^250 messages of 100 bytes, %d+ a second\n.*100 %% within [%d.]+ ms\n$", printed)
  end)

  local chromium = io.popen("command -v chromium"):read("*l")
  if not chromium then
    pending("devtools.lua drives a browser: there is no chromium")
  else
    it("devtools.lua drives a browser", function()
      local folder = os.tmpname()
      os.remove(folder)
      local pipe = assert(io.popen(("exec 2>&1; exec timeout 60 env -u LD_PRELOAD %s --headless "
        .. "--no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --user-data-dir=%s "
        .. "--remote-debugging-port=0 about:blank")
        :format(chromium, folder)))
      local address
      for line in pipe:lines() do
        address = line:match("DevTools listening on (ws://%S+)")
        if address then break end
      end
      assert.is_string(address)
      local printed = example("devtools.lua", address)
      pipe:close()
      os.execute("rm -rf " .. folder)
      assert.matches("browser\t%S*Chrom", printed)
      assert.matches("title\thello from uvws", printed)
    end)
  end
end)
