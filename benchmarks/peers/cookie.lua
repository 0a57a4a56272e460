-- A cookie of 4 KiB, no two alike.
local number = 0
local rest = string.rep("0123456789abcdef", 256)

request = function()
    number = number + 1
    local cookie = string.sub("sid=" .. string.format("%032x", number * 7919) .. rest, 1, 4096)
    return "GET /cookie/" .. number .. " HTTP/1.1\r\n"
        .. "Host: www.example.com\r\n"
        .. "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0\r\n"
        .. "Accept: */*\r\n"
        .. "Cookie: " .. cookie .. "\r\n"
        .. "\r\n"
end
