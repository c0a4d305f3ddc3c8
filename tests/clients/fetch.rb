# usage: ruby fetch.rb PORT DIRECTORY
# Fetches everything by Net::POP3 into files in DIRECTORY, then deletes it.
require 'net/pop'

port, directory = ARGV[0].to_i, ARGV[1]
keep = ->(name, text) { File.binwrite("#{directory}/#{name}", text) }

Net::POP3.start('127.0.0.1', port, 'alice', 'secret') do |pop|
  keep.('STAT', "#{pop.n_mails} #{pop.n_bytes}\r\n")
  keep.('LIST', pop.mails.map { |m| "#{m.number} #{m.length}\r\n" }.join)
  keep.('UIDL', pop.mails.map { |m| "#{m.number} #{m.unique_id}\r\n" }.join)
  pop.mails.each do |m|
    keep.("RETR.#{m.number}", m.pop)
    keep.("TOP.#{m.number}", m.top(2))
    m.delete
  end
  pop.reset
end
Net::APOP.start('127.0.0.1', port, 'alice', 'secret', &:delete_all)
