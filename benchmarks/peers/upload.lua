-- Posts a body of 1 KiB; path and body change.
local number = 0
local rest = string.rep("name=value&", 100)

request = function()
    number = number + 1
    local body = string.sub("number=" .. number .. "&" .. rest, 1, 1024)
    return "POST /upload/" .. number .. " HTTP/1.1\r\n"
        .. "Host: www.example.com\r\n"
        .. "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0\r\n"
        .. "Accept: */*\r\n"
        .. "Content-Type: application/x-www-form-urlencoded\r\n"
        .. "Content-Length: 1024\r\n"
        .. "\r\n"
        .. body
end
