--- Whether the types, the pages and the rock know all that there is.

local client = require("uvws.client")
local support = require("support")
local uvws = require("uvws")

local unpack = table.unpack or unpack

local root = support.examples .. "/../"

local function read(name)
  local file = assert(io.open(name))
  local text = file:read("*a")
  file:close()
  return text
end

local function has(program) return io.popen("command -v " .. program):read("*l") ~= nil end

--- The names of all functions that a program can call, with their owner.
local function public_functions()
  local names = {}
  for name, value in pairs(uvws) do
    if type(value) == "function" then names[#names + 1] = "uvws." .. name end
  end
  for name in pairs(client.methods) do
    names[#names + 1] = "Client:" .. name
  end
  for name, value in pairs(require("plugin.websockets")) do
    if type(value) == "function" then names[#names + 1] = "WebSockets." .. name end
  end
  assert.is_true(#names > 25)
  return names
end

describe("the types", function()
  it("are there for every public function", function()
    local meta = read(root .. "lua/meta.lua")
    for _, name in ipairs(public_functions()) do
      if name ~= "uvws.bind" then assert.is_truthy(meta:find("function " .. name .. "(", 1, true), name) end
    end
  end)

  it("are there for every option, and the options of C are all in Lua", function()
    local meta = read(root .. "lua/meta.lua")
    local options = read(root .. "src/lua/options.c")
    for name in options:gmatch('FIELD%(([%w_]+)%), read') do
      assert.is_truthy(meta:find("---@field " .. name .. "?", 1, true), name)
    end
  end)

  it("are there for every counter", function()
    local meta = read(root .. "lua/meta.lua")
    for name in pairs(uvws.stats()) do
      assert.is_truthy(meta:find("---@field " .. name .. " integer", 1, true), name)
    end
  end)
end)

describe("the README", function()
  --- Each block of Lua, on a server that is there.
  local function blocks()
    local found = {}
    for block in read(root .. "README.md"):gmatch("\n```lua\n(.-)\n```") do
      found[#found + 1] = block:gsub("ws://127%.0%.0%.1:9001/", (support.uri("PLAIN"):gsub("%%", "%%%%")))
    end
    assert.is_true(#found >= 5)
    return found
  end

  it("has Lua that runs", function()
    local printed = {}
    for _, block in ipairs(blocks()) do
      assert.is_truthy((loadstring or load)(block))
      if block:find(support.uri("PLAIN"), 1, true) and not block:find("vim.api", 1, true) then
        local text, status = support.uvws_run(block)
        assert.equal(0, status, text)
        printed[#printed + 1] = text
      end
    end
    assert.equal("message\tHello WebSocket server\nclosed\t1000\t\n", printed[1])
    assert.matches("^hello\ttext\n[%d.]+\tms\topen\t1\ntext\tagain\n1000\tbye\n$", printed[2])
    assert.equal("text\thello\n", printed[3])
    assert.equal(3, #printed)
  end)

  local nvim_it = has("nvim") and jit and it or function(name) pending(name .. " (there is no nvim with this Lua)") end
  nvim_it("has Lua that runs in Neovim", function()
    for _, block in ipairs(blocks()) do
      if block:find("vim.api", 1, true) then
        local name = os.tmpname()
        local file = assert(io.open(name, "w"))
        file:write(block, [[
          vim.wait(5000, function() return vim.api.nvim_buf_get_lines(0, 0, -1, false)[1] == "a line" end, 5)
          io.stdout:write(vim.api.nvim_buf_get_lines(0, 0, -1, false)[1])
        ]])
        file:close()
        local printed = support.execute("env", "ASAN_OPTIONS=detect_leaks=0", "nvim", "--headless", "-u", "NONE", "-i",
          "NONE", "-n", "-c", "luafile " .. name, "-c", "qa!")
        os.remove(name)
        assert.equal("a line", printed)
      end
    end
  end)
end)

describe("ldoc", function()
  local ldoc_it = has("ldoc") and it or function(name) pending(name .. " (there is no ldoc)") end
  ldoc_it("makes pages with every public function in them, without a warning", function()
    local folder = os.tmpname()
    os.remove(folder)
    local printed, status = support.execute("env", "-u", "LD_PRELOAD", "-u", "LUA_PATH", "-u", "LUA_CPATH", "sh", "-c",
      ("cd '%s' && ldoc --fatalwarnings --dir %s ."):format(root, folder))
    assert.equal(0, status, printed)
    local pages = read(folder .. "/modules/uvws.html") .. read(folder .. "/classes/uvws.client.html")
      .. read(folder .. "/modules/plugin.websockets.html")
    os.execute("rm -rf " .. folder)
    for _, name in ipairs(public_functions()) do
      local plain = name:gsub("^uvws%.", "")
      assert.is_truthy(pages:find('name = "' .. plain, 1, true) or pages:find(">" .. plain, 1, true)
        or pages:find(plain .. " ", 1, true), name)
    end
  end)
end)

describe("the rock", function()
  it("has every module", function()
    local rock = read(root .. "uvws-scm-1.rockspec")
    for path in io.popen(("cd '%s' && find lua -name '*.lua'"):format(root)):lines() do
      if path ~= "lua/meta.lua" then assert.is_truthy(rock:find('"' .. path .. '"', 1, true), path) end
    end
  end)
end)

describe("an installation", function()
  local meson_it = has("meson") and it or function(name) pending(name .. " (there is no meson)") end
  meson_it("below /usr/local is where Lua looks without being told", function()
    local folder = os.tmpname()
    os.remove(folder)
    local build = support.program:match("^(.*)/")
    local plain = { "env", "-u", "LD_PRELOAD", "-u", "LUA_PATH", "-u", "LUA_CPATH" }
    local function execute(...)
      local words = { unpack(plain) }
      for _, word in ipairs({ ... }) do
        words[#words + 1] = word
      end
      return support.execute(unpack(words))
    end
    local printed, status = execute("meson", "install", "--no-rebuild", "--quiet", "--destdir", folder, "-C", build)
    assert.equal(0, status, printed)
    -- What Lua would look through, below the folder and nowhere else.
    local script = [[
      local function below(path)
        return (path:gsub("%./[^;]*", ""):gsub("([^;]+)", arg[1] .. "%1"))
      end
      package.path, package.cpath = below(package.path), below(package.cpath)
      print(require("plugin.websockets").run(), package.searchpath("uvws", package.path) ~= nil)
    ]]
    local name = os.tmpname()
    local file = assert(io.open(name, "w"))
    file:write(script)
    file:close()
    local preload = os.getenv("UVWS_PRELOAD")
    printed = execute("env", "LD_PRELOAD=" .. (preload or ""), "ASAN_OPTIONS=detect_leaks=0", support.lua, name, folder)
    os.remove(name)
    os.execute("rm -rf " .. folder)
    assert.equal("true\ttrue\n", printed)
  end)
end)
