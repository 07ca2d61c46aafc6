# bash completion for tabbydoctor: source it, or put it where bash-completion looks:
# /usr/share/bash-completion/completions/tabbydoctor

_tabbydoctor() {
    local lines kind
    COMPREPLY=()
    mapfile -t lines < <(@TABBYDOCTOR@ completion bash -- \
        "${COMP_LINE:0:COMP_POINT}" "${COMP_WORDS[COMP_CWORD]}" 2>/dev/null </dev/null)
    kind=${lines[0]-}
    case $kind in
        files) compopt -o default ;;
        dirs) compopt -o dirnames ;;
        list) compopt -o nospace ;;
    esac
    COMPREPLY=("${lines[@]:1}")
}

complete -F _tabbydoctor tabbydoctor
