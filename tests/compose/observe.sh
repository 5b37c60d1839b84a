# For `run`, when Prometheus and the nodes have started: whether Prometheus does what deploy/ asks.
rules=deploy/prometheus/rules.yml
dashboard=deploy/grafana/dashboards/cartwright.json

prometheus() {
    local path=$1
    shift
    curl -sfG "http://127.0.0.1:$PROMETHEUS_PORT/api/v1/$path" "$@"
}

query() { prometheus query --data-urlencode "query=$1"; }

# Whether all rules are there, and each was evaluated without an error.
evaluates_rules() {
    local told delivered
    told=$(prometheus rules)
    delivered=$(grep -cE '^ *- (alert|record): ' "$rules")
    [ "$(grep -oE '"type":"(alerting|recording)"' <<<"$told" | wc -l)" = "$delivered" ] || return 1
    [ "$(grep -o '"health":"ok"' <<<"$told" | wc -l)" = "$delivered" ]
}

# Whether it scrapes these nodes, each with success, and no others.
scrapes() {
    local told
    told=$(prometheus targets -d state=active | sed 's/"discoveredLabels"/\n&/g' | sed 1d)
    told=$(sed 's/.*"node":"\([^"]*\)".*"health":"\([^"]*\)".*/\1:\2/' <<<"$told" | sort | xargs)
    [ "$told" = "$(printf '%s:up\n' "$@" | xargs)" ]
}

# Whether every indicator of requests has a value; there is none without requests.
has_indicators() {
    curl -sf "http://127.0.0.1:$PORT/api/v1/catalog/products" >/dev/null
    [[ $(query 'count({__name__=~"cartwright:http_.*"})') == *",\"$(grep -c 'record: cartwright:http_' "$rules")\"]"* ]]
}

# Whether each query of the dashboard has an answer, but for those of the embedded store, which is
# not here, and of orders: nobody has placed one.
ask_as_the_dashboard_does() {
    local asked=0 expr
    while read -r expr; do
        [[ $expr != *embedded* && $expr != *:checkout_failures:* ]] || continue
        [[ $(query "$expr") == *'"value":['* ]] || fail "the dashboard asks in vain: $expr"
        asked=$((asked + 1))
    done < <(sed -n 's/^ *"expr": "\(.*\)",\?$/\1/p' "$dashboard" |
        sed 's/\\"/"/g; s/\$__rate_interval/1m/g; s/\$instance/.*/g')
    [ "$asked" -gt 0 ] || fail "the dashboard asks nothing"
    echo "the dashboard's $asked queries are answered"
}
