-- Heads that are valid, but not as programs usually send them: two blanks after a colon, an
-- empty field, a blank at a line's end, bytes beyond ASCII, a field that Connection names.
local number = 0

request = function()
    number = number + 1
    return "GET /odd/" .. number .. " HTTP/1.1\r\n"
        .. "Host: www.example.com\r\n"
        .. "User-Agent:  odd/" .. number .. "\r\n"
        .. "Accept:\r\n"
        .. "Accept-Language: de \r\n"
        .. "X-Name: J\246rg " .. number .. "\r\n"
        .. "Connection: keep-alive, X-Hop\r\n"
        .. "X-Hop: " .. number .. "\r\n"
        .. "\r\n"
end
