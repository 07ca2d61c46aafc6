# fish completion for tabbydoctor: source it, or put it into ~/.config/fish/completions

function __tabbydoctor_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines (@TABBYDOCTOR@ completion fish -- $words[2..-1] "$current" 2>/dev/null </dev/null)
    # Of `--option=value` fish replaces all.
    set -l option (string match -r -- '^--[^=]+=' "$current")
    set -l value (string replace -r -- '^--[^=]+=' '' "$current")
    switch "$lines[1]"
        case files
            printf "$option%s\n" (__fish_complete_path "$value")
        case dirs
            printf "$option%s\n" (__fish_complete_directories "$value" '')
        case words list
            printf "$option%s\n" $lines[2..-1]
    end
end

complete -c tabbydoctor -f -a '(__tabbydoctor_complete)'
