#compdef tabbydoctor
# zsh completion for tabbydoctor: put it as _tabbydoctor into a directory of $fpath, or source it
# after compinit.

_tabbydoctor() {
    local -a lines described
    local line word means
    local -a suffix
    lines=("${(@f)$(@TABBYDOCTOR@ completion zsh -- \
        "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null </dev/null)}")
    [[ $PREFIX == --*=* ]] && compset -P '--[^=]#='
    case $lines[1] in
        files) _files ;;
        dirs) _files -/ ;;
        words | list)
            [[ $lines[1] == list ]] && suffix=(-S '')
            for line in "${(@)lines[2,-1]}"; do
                word=${line%%$'\t'*} means=${line#*$'\t'}
                [[ $line == *$'\t'* ]] || means=
                described+=("${word//:/\\:}${means:+:$means}")
            done
            _describe -t values 'value' described "${(@)suffix}"
            ;;
    esac
}

if [[ $funcstack[1] == _tabbydoctor ]]; then
    _tabbydoctor "$@"
else
    compdef _tabbydoctor tabbydoctor
fi
