#!/bin/sh
# Two lessons, as `fundamentals` has them. What `bank` measures stands in $LOST.
set -eu
case "$1" in
    list)
        claim() {
            printf '{"id":"%s","sentence":{"en":"It is %s.","pt":"É %s."},"unit":{"en":"cents off","pt":"centavos"},' "$1" "$1" "$1"
            printf '"holds":{"at_most":0.0},"breaks":{"en":"the lock is left out","pt":"a trava falta"}}'
        }
        printf '[{"title":{"en":"Races","pt":"Corridas"},"lessons":['
        printf '{"name":"bank","about":{"en":"money","pt":"dinheiro"},"claims":[%s]},' "$(claim bank-lock-exact)"
        printf '{"name":"novel","about":{"en":"new","pt":"novo"},"claims":[%s]}]}]\n' "$(claim novel-exact)"
        ;;
    run)
        name=$2
        shift 2
        broken=false
        while [ $# -gt 0 ]; do
            case "$1" in
                --out) out=$2; shift ;;
                --break) broken=true; shift ;;
            esac
            shift
        done
        id=bank-lock-exact
        [ "$name" = bank ] || id=novel-exact
        verdict=holds
        [ "$LOST" = 0 ] || verdict=refuted
        {
            printf '{"id":"%s","program":"%s","sentence":{"en":"It.","pt":"É."},' "$id" "$name"
            printf '"published":{"title":"t","link":"l","number":{"en":"0","pt":"0"}},'
            printf '"measured":{"value":%s,"low":%s,"high":%s,"samples":3},' "$LOST" "$LOST" "$LOST"
            printf '"unit":{"en":"cents off","pt":"centavos"},"holds":{"at_most":0.0},"verdict":"%s",' "$verdict"
            printf '"note":null,"broken":%s,"error":null}\n' "$broken"
        } > "$out/claims.jsonl"
        echo "  a drawing of $name"
        ;;
esac
