--- In Neovim, whose loop is luv's: its rules for callbacks hold for ours.

local support = require("support")

local uri = support.uri
local nvim = io.popen("command -v nvim"):read("*l")
local nvim_it = nvim and it or function(name) pending(name .. " (there is no nvim)") end

--- Run Lua text in an nvim without a screen; it ends with the script unless that says otherwise.
local function run(text, ...)
  local name = os.tmpname() .. ".lua"
  local file = assert(io.open(name, "w"))
  file:write("local function say(...) io.stdout:write(table.concat({ ... }, ' '), '\\n') end\n", text)
  file:close()
  -- Neovim does not give all its memory back: leaks of ours are found by the other specs.
  local printed, status = support.execute("env", "ASAN_OPTIONS=detect_leaks=0", "URI=" .. uri("PLAIN"), "nvim",
    "--headless", "-u", "NONE", "-i", "NONE", "-n", "-c", "luafile " .. name, ...)
  os.remove(name)
  return (printed:gsub("\r", "")), status
end

local CLIENT = [[
  local WebSockets = require("plugin.websockets")
  local function client(on, options)
    local ws = WebSockets.new()
    local names = { [ws.ONOPEN] = "open", [ws.ONMESSAGE] = "message", [ws.ONCLOSE] = "close", [ws.ONERROR] = "error" }
    ws:addEventListener(ws.WSEVENT, function(event)
      local name = names[event.type]
      if on[name] then on[name](ws, event) end
    end)
    assert(ws:connect(os.getenv("URI"), options))
    return ws
  end
]]

describe("in Neovim", function()
  nvim_it("clients and timers live in its loop, and nobody calls run", function()
    local printed, status = run(CLIENT .. [[
      local closed, ticks = false, 0
      local timer = vim.loop.new_timer()
      timer:start(0, 1, function() ticks = ticks + 1 end)
      client({
        open = function(ws) ws:send("hello") end,
        message = function(ws, event)
          say(event.data)
          ws:disconnect()
        end,
        close = function(_, event)
          say(event.code)
          closed = true
        end,
      })
      vim.wait(5000, function() return closed and ticks > 0 end, 5)
      say(tostring(closed), tostring(ticks > 0))
    ]], "-c", "qa!")
    assert.equal("hello\n1000\ntrue true\n", printed)
    assert.equal(0, status)
  end)

  nvim_it("listeners run in the fast context, where its API refuses (E5560)", function()
    local printed = run(CLIENT .. [[
      local done = false
      WebSockets.setErrorHandler(function(message) say(message:match("E5560") or message) end)
      client({
        open = function(ws)
          say(tostring(vim.in_fast_event()))
          ws:disconnect()
          vim.api.nvim_buf_set_lines(0, 0, -1, false, { "not here" })
        end,
        close = function() done = true end,
      })
      vim.wait(5000, function() return done end, 5)
    ]], "-c", "qa!")
    assert.equal("true\nE5560\n", printed)
  end)

  nvim_it("the option schedule delivers where its API may be called", function()
    local printed = run(CLIENT .. [[
      local done = false
      client({
        open = function(ws) ws:send("a line") end,
        message = function(ws, event)
          vim.api.nvim_buf_set_lines(0, 0, -1, false, { event.data })
          ws:disconnect()
        end,
        close = function() done = true end,
      }, { schedule = true })
      vim.wait(5000, function() return done end, 5)
      say(vim.api.nvim_buf_get_lines(0, 0, -1, false)[1], tostring(done))
      done = false
      require("uvws").spawn(function()
        local ws = assert(require("uvws").connect(os.getenv("URI"), { schedule = true }))
        say(tostring(vim.in_fast_event()))
        ws:receive(1)
        say(tostring(vim.in_fast_event()))
        ws:close()
        done = true
      end)
      vim.wait(5000, function() return done end, 5)
    ]], "-c", "qa!")
    assert.equal("a line true\nfalse\nfalse\n", printed)
  end)

  nvim_it(":qa with a live connection leaves at once and cleanly", function()
    local printed, status = run(CLIENT .. [[
      local open = false
      client({ open = function() open = true end, close = function() say("must not be heard") end })
      client({}, { schedule = true })
      vim.wait(5000, function() return open end, 5)
      say(tostring(open))
    ]], "-c", "qa!")
    assert.equal("true\n", printed)
    assert.equal(0, status)
  end)

  nvim_it("run waits in its way", function()
    local printed = run(CLIENT .. [[
      client({ open = function(ws) ws:disconnect() end, close = function(_, event) say(event.code) end })
      WebSockets.run()
      say("ran", require("uvws").run(function() return "this" end))
    ]], "-c", "qa!")
    assert.equal("1000\nran this\n", printed)
  end)

  nvim_it("the plugin of the examples shows what a server sends while an RPC client edits", function()
    local printed, status = run([[
      local words = { "nvim", "--embed", "--headless", "-u", "NONE", "-i", "NONE", "-n" }
      local child = vim.fn.jobstart(words, { rpc = true })
      local function lua(text, ...) return vim.rpcrequest(child, "nvim_exec_lua", text, { ... }) end
      lua("dofile(...)", ("]] .. support.examples .. [[/nvim/live.lua"))
      local buffer = lua("return live.open(...)", os.getenv("URI"))
      for i = 1, 20 do
        lua("live.send(...)", "line " .. i)
        vim.rpcrequest(child, "nvim_buf_set_lines", buffer, 0, 0, false, { "edited " .. i })
      end
      local lines
      vim.wait(5000, function()
        lines = vim.rpcrequest(child, "nvim_buf_get_lines", buffer, 0, -1, false)
        return #lines >= 42
      end, 10)
      local text = table.concat(lines, "\n")
      say(tostring(text:match("line 1\nline 2\n.*line 20") ~= nil), tostring(text:match("^edited 20\n") ~= nil))
      lua("live.close()")
      vim.wait(5000, function()
        lines = vim.rpcrequest(child, "nvim_buf_get_lines", buffer, -2, -1, false)
        return lines[1]:match("closed") ~= nil
      end, 10)
      say(lines[1])
      pcall(vim.rpcrequest, child, "nvim_command", "qa!")
    ]], "-c", "qa!")
    assert.equal("true true\n-- closed 1000 \n", printed)
    assert.equal(0, status)
  end)
end)
