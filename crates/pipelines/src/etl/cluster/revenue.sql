-- What the clean orders of each partition are worth.
SELECT part, state, year, month, btrim(category, {BLANKS}) AS category,
       count(*) AS orders, sum(CAST(revenue AS DECIMAL(38, 0))) AS cents
FROM judged
WHERE wrong = 0 AND plain_status <> 'cancelled'
GROUP BY part, state, year, month, btrim(category, {BLANKS})
