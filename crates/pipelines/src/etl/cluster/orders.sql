-- What becomes of every order, in the order of the lake.
SELECT piece, slice, line, starts, ends, unread, failed, wrong,
       order_id, customer_id, kind, city, state, product_id,
       CASE WHEN wrong = 0 THEN btrim(category, {BLANKS}) ELSE category END AS category,
       quantity, unit_price_cents, discount_bp, revenue,
       CASE WHEN wrong = 0 THEN plain_status ELSE status END AS status,
       ordered_at, NULLIF(btrim(note, {BLANKS}), '') AS note, told, year, month
FROM judged
ORDER BY piece, slice, line
