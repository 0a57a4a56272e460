-- Heads as browsers send them, no two alike: the path, the cookie and the agent change.
local number = 0

request = function()
    number = number + 1
    local fields = {
        ["Host"] = "www.example.com",
        ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:" .. (number % 90 + 40)
            .. ".0) Gecko/20100101 Firefox/" .. (number % 90 + 40) .. ".0",
        ["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        ["Accept-Language"] = "de-DE,de;q=0.8,en-US;q=0.5,en;q=0.3",
        ["Accept-Encoding"] = "gzip, deflate, br",
        ["Referer"] = "https://www.example.com/list?page=" .. number,
        ["Cookie"] = "sid=" .. string.format("%032x", number * 7919) .. "; theme=dark; seen=" .. number,
        ["Upgrade-Insecure-Requests"] = "1",
        ["Sec-Fetch-Dest"] = "document",
        ["Sec-Fetch-Mode"] = "navigate",
        ["Sec-Fetch-Site"] = "same-origin",
        ["Cache-Control"] = "max-age=0",
    }
    return wrk.format("GET", "/articles/" .. number .. "?q=" .. (number * 31), fields)
end
