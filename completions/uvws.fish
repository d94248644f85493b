# fish completion of uvws. The options come from --help, so that they are never out of date.
function __uvws_options
    set -l words (commandline -opc)
    test (count $words) -ge 2; or return
    command $words[1] $words[2] --help 2>/dev/null |
        string replace -rf '^ +(?:-[a-zA-Z], )?(--[a-z0-9-]+).*?  +(\S.*)$' '$1\t$2'
end

complete -c uvws -f
complete -c uvws -n __fish_use_subcommand -a connect -d 'send lines of standard input, print messages'
complete -c uvws -n __fish_use_subcommand -a echo-server -d 'send every message back, on 127.0.0.1'
complete -c uvws -n __fish_use_subcommand -a run -d 'run a Lua script, then its loop'
complete -c uvws -n '__fish_seen_subcommand_from connect echo-server' -a '(__uvws_options)'
complete -c uvws -n '__fish_seen_subcommand_from run' -F
for option in ca cert key pkcs12 crl keylog proxy-ca write-cert socket ca-path
    complete -c uvws -n '__fish_seen_subcommand_from connect echo-server' -l $option -rF
end
for option in tls tls-min tls-max
    complete -c uvws -n '__fish_seen_subcommand_from connect' -l $option -xa '1.0 1.1 1.2 1.3'
end
