# Samples of `perf script`, a paragraph each with the innermost frame first, become a table of costs.
# A sample counts for the first frame, from within, that is of one of the kinds below: what is of
# none, as allocation and copies, counts for whoever asked for it.

BEGIN {
    kind("[ \t](__)?schedule(_idle)? ", "kernel: switching threads")
    kind("fdatasync|fsync|ext4_sync|jbd2", "kernel: commits to the disk")
    kind("tcp_sendmsg|sock_sendmsg|sock_write_iter", "kernel: sending")
    kind("tcp_recvmsg|sock_recvmsg|sock_read_iter", "kernel: receiving")
    kind("ep_poll|epoll|eventfd|futex", "kernel: waiting and waking")
    kind("pwrite|vfs_write|ext4_|pread", "kernel: files")
    kind("asm_exc_page_fault|do_user_addr_fault", "kernel: new memory")
    kind("argon2|blake2", "passwords, argon2")
    kind("redb::", "embedded store, redb")
    kind("cartwright::store", "stores: rows, encoding, batches")
    kind("tantivy|cartwright::catalog::search", "search index, tantivy")
    kind("sha2::|twox_hash", "hashes")
    kind("hmac|ring::|aws_lc|jsonwebtoken|cartwright::auth", "tokens")
    kind("serde_json|cartwright::http::json|cartwright::http::products", "JSON")
    kind("postcard", "encoding, postcard")
    kind("tracing|cartwright::telemetry|nu_ansi_term|opentelemetry", "spans and the log")
    kind("prometheus|cartwright::metrics|cartwright::http::m", "metrics")
    kind("ractor|cartwright::actors", "actors")
    kind("cartwright::domain|cartwright::catalog", "domain and catalogue")
    kind("warp|cartwright::http", "filters and handlers, warp")
    kind("hyper|httparse|http::", "HTTP, hyper")
    kind("tokio|mio::|std::thread", "runtime, tokio")
}

function kind(pattern, name) {
    patterns[++kinds] = pattern
    names[kinds] = name
}

function kind_of(frame, i) {
    for (i = 1; i <= kinds; i++)
        if (frame ~ patterns[i])
            return names[i]
    return ""
}

function close_sample() {
    if (in_sample) {
        samples++
        costs[found == "" ? "anything else" : found]++
    }
    in_sample = 0
    found = ""
}

# The thread's name.
/^[^ \t]/ {
    close_sample()
    in_sample = 1
    next
}
NF == 0 {
    close_sample()
    next
}
found == "" { found = kind_of($0) }

END {
    close_sample()
    if (samples == 0) {
        print "no samples" >"/dev/stderr"
        exit 1
    }
    printf "%d samples\n\n| share | cost |\n|---|---|\n", samples
    for (name in costs)
        printf "| %.1f %% | %s |\n", 100 * costs[name] / samples, name | "sort -t'|' -k2,2 -rg | head -n 10"
}
