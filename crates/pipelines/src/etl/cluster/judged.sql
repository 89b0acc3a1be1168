-- Every order with its customer, what it is worth, and the number of what is wrong with it: 0 is nothing, the others are
-- those of `wrong` in verdict.rs. The order of the lines is that in which `clean.rs` looks. Money is decimal while it may be
-- too much for 64 bits, and whole cents from then on. What stands in braces are constants of the program.
SELECT worth.*,
       CAST(CASE WHEN paid <= 9223372036854775807 THEN paid END AS BIGINT) / 10000 AS revenue,
       CASE
           WHEN unread IS NOT NULL OR failed IS NOT NULL THEN 1
           WHEN order_id IS NULL OR customer_id IS NULL OR product_id IS NULL OR category IS NULL OR quantity IS NULL
               OR unit_price_cents IS NULL OR discount_bp IS NULL OR status IS NULL OR ordered_at IS NULL THEN 2
           WHEN quantity NOT BETWEEN 1 AND 2147483647 THEN 3
           WHEN unit_price_cents < 0 THEN 4
           WHEN discount_bp NOT BETWEEN 0 AND 10000 THEN 5
           WHEN gross > 9223372036854775807 OR paid > 9223372036854775807 THEN 6
           WHEN btrim(category, {BLANKS}) = '' THEN 7
           WHEN plain_status NOT IN ({STATUSES}) THEN 8
           WHEN state IS NULL THEN 9
           WHEN told IS NOT NULL THEN 10
           WHEN key_year <> year OR key_month <> month THEN 11
           ELSE 0
       END AS wrong
FROM (SELECT known.*,
             gross * (10000 - CAST(CASE WHEN discount_bp BETWEEN 0 AND 10000 THEN discount_bp END AS DECIMAL(5, 0))) + 5000 AS paid
      FROM (SELECT o.*, c.kind, c.city, c.state,
                   lower(btrim(o.status, {BLANKS})) AS plain_status,
                   CASE WHEN o.uf <> c.state THEN o.uf WHEN o.key_uf <> c.state THEN o.key_uf END AS told,
                   CAST(CASE WHEN o.quantity BETWEEN 1 AND 2147483647 THEN o.quantity END AS DECIMAL(10, 0))
                       * CAST(CASE WHEN o.unit_price_cents >= 0 THEN o.unit_price_cents END AS DECIMAL(19, 0)) AS gross
            FROM orders o LEFT JOIN customers c ON o.customer_id = c.number) AS known) AS worth
