-- What luacheck is to know of this repository.
std = "max" -- LuaJIT and Lua 5.2 to 5.4
max_line_length = 120
files["test"] = { std = "+busted" }
files["lua/meta.lua"] = { ignore = { "212", "241" } } -- types only: nothing has a body
files["examples/nvim"] = { read_globals = { "vim" }, globals = { "live" } }
