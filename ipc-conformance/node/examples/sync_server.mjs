// Answers what it is asked, except for the second question.
import { serve } from './stock.mjs';

serve((server) => {
  server.on('ask', (question, socket) => {
    console.log(`ask: ${question}`);
    if (question !== 'second') server.emit(socket, 'answer', `${question} asked`);
  });
});
