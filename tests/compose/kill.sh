# For the shell of the walk-through: what it kills is the container, not only who started it.
kill() {
    if [ "$1" = -9 ]; then
        $CARTWRIGHT_TEST_COMPOSE kill -s KILL cartwright >&2 || true
    fi
    builtin kill "$@"
}
