-- Names that no proxy knows, Connection before Host.
local number = 0

request = function()
    number = number + 1
    return "GET /names/" .. number .. " HTTP/1.1\r\n"
        .. "Connection: keep-alive\r\n"
        .. "Host: www.example.com\r\n"
        .. "X-Requested-With: XMLHttpRequest\r\n"
        .. "X-Api-Key: " .. string.format("%032x", number * 7919) .. "\r\n"
        .. "X-Trace-Id: " .. number .. "\r\n"
        .. "X-Client-Version: 4.2." .. (number % 90) .. "\r\n"
        .. "X-Experiment: blue\r\n"
        .. "Traceparent: 00-" .. string.format("%032x-%016x", number, number) .. "-01\r\n"
        .. "Priority: u=1\r\n"
        .. "Accept: application/json\r\n"
        .. "\r\n"
end
